# Both by digest: `docker buildx imagetools inspect NAME` prints that of a newer one. The build
# runs on the machine's own platform, and compiles for the image's.
FROM --platform=$BUILDPLATFORM denoland/deno:2.9.6@sha256:2014dc167ece617ef7e7ba40631ac2234c59e75ce693e7cc2dc2602b3c87859d AS build
ARG BUILDARCH TARGETARCH
WORKDIR /archeio
COPY deno.json deno.lock main.ts ./
COPY lib lib
RUN case "$BUILDARCH/$TARGETARCH" in \
      amd64/arm64) COMPILE_FLAGS="--target aarch64-unknown-linux-gnu" ;; \
      arm64/amd64) COMPILE_FLAGS="--target x86_64-unknown-linux-gnu" ;; \
    esac; \
    export COMPILE_FLAGS; \
    deno task compile

# glibc, certificates, and nothing to run but the program.
FROM gcr.io/distroless/cc-debian12:nonroot@sha256:9dac0a79194e45a7da0158a9c6da57b217585af0786db3845d1f0ec1a0dd182f
LABEL org.opencontainers.image.title="archeio" \
      org.opencontainers.image.description="A redirector in front of an OCI registry: blobs come from the mirror nearest to the client" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /archeio/dist/archeio /usr/local/bin/archeio
COPY LICENSE /usr/share/doc/archeio/LICENSE
# The image's own non-root user, as a number, so that runAsNonRoot can be checked.
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=6s --start-period=5s CMD ["/usr/local/bin/archeio", "health"]
ENTRYPOINT ["/usr/local/bin/archeio"]

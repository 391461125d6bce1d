FROM denoland/deno:2.9.6 AS build
WORKDIR /archeio
COPY deno.json deno.lock main.ts ./
COPY lib lib
RUN deno task compile

# glibc, certificates, and nothing to run but the program.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="archeio" \
      org.opencontainers.image.description="A redirector in front of an OCI registry: blobs come from the mirror nearest to the client" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="gcr.io/distroless/cc-debian12:nonroot"
COPY --from=build /archeio/dist/archeio /usr/local/bin/archeio
COPY LICENSE /usr/share/doc/archeio/LICENSE
# The image's own non-root user, as a number, so that runAsNonRoot can be checked.
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=6s --start-period=5s CMD ["/usr/local/bin/archeio", "health"]
ENTRYPOINT ["/usr/local/bin/archeio"]

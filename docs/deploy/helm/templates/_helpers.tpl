{{- define "archeio.name" -}}
{{- if contains "archeio" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-archeio" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "archeio.labels" -}}
app.kubernetes.io/name: archeio
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Selectors cannot change, so the version is not among them. */}}
{{- define "archeio.selector" -}}
app.kubernetes.io/name: archeio
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end }}

{{- define "archeio.fillSelector" -}}
app.kubernetes.io/name: archeio
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: fill
{{- end }}

{{- define "archeio.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* The configuration with what the chart adds to it; empty if there is none. */}}
{{- define "archeio.config" -}}
{{- if .Values.config -}}
{{- $config := deepCopy .Values.config -}}
{{- if .Values.adminToken.secret -}}
{{- $admin := dict "token_file" (printf "/run/secrets/admin/%s" .Values.adminToken.key) -}}
{{- $_ := set $config "admin" (mergeOverwrite (default (dict) $config.admin) $admin) -}}
{{- end -}}
{{- if .Values.fill.state.servers -}}
{{- $state := dict "state" "/var/lib/archeio" -}}
{{- $_ := set $config "fill" (mergeOverwrite (default (dict) $config.fill) $state) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}
{{- end }}

{{- define "archeio.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "archeio.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "archeio.mounts" -}}
{{- if .Values.config }}
- { name: config, mountPath: /etc/archeio, readOnly: true }
{{- end }}
{{- range .Values.secrets }}
- { name: {{ printf "secret-%s" .name | quote }}, mountPath: {{ .mountPath | quote }}, readOnly: true }
{{- end }}
{{- if .Values.adminToken.secret }}
- { name: admin-token, mountPath: /run/secrets/admin, readOnly: true }
{{- end }}
{{- end }}

{{- define "archeio.volumes" -}}
{{- if .Values.config }}
- name: config
  configMap: { name: {{ include "archeio.name" . }} }
{{- end }}
{{- range .Values.secrets }}
- name: {{ printf "secret-%s" .name }}
  secret: { secretName: {{ .name | quote }}, defaultMode: 288 }
{{- end }}
{{- with .Values.adminToken }}
{{- if .secret }}
- name: admin-token
  secret: { secretName: {{ .secret | quote }}, defaultMode: 288 }
{{- end }}
{{- end }}
{{- end }}

{{- define "archeio.serverMounts" -}}
{{- if .Values.fill.state.servers }}
- { name: state, mountPath: /var/lib/archeio, readOnly: true }
{{- end }}
{{- include "archeio.mounts" . }}
{{- end }}

{{- define "archeio.serverVolumes" -}}
{{- if .Values.fill.state.servers }}
- name: state
  persistentVolumeClaim: { claimName: {{ .Values.fill.state.claim | quote }}, readOnly: true }
{{- end }}
{{- include "archeio.volumes" . }}
{{- end }}

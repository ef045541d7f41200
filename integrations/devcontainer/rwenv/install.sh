#!/bin/sh
# Runs as root while the image is built. The kubeconfig itself is mounted when the container starts.
set -eu

# A shell that cleans its environment finds the guard all the same.
printf 'export KUBECONFIG=/run/rwenv/kubeconfig\n' > /etc/profile.d/rwenv.sh
chmod 0644 /etc/profile.d/rwenv.sh

cat > /usr/local/bin/rwenv-guard-check << 'EOF'
#!/bin/sh
# Says whether the API guard on the host is reached from here.
set -eu
config=${KUBECONFIG:-/run/rwenv/kubeconfig}
if [ ! -r "$config" ]; then
  echo "$config cannot be read: on the host, run 'rwenv kubeconfig NAME --container', and mount its folder at /run/rwenv" >&2
  exit 1
fi
if ! command -v kubectl > /dev/null; then
  echo "kubectl is not installed here" >&2
  exit 1
fi
if ! kubectl --kubeconfig "$config" --request-timeout 5s version -o name > /dev/null; then
  echo "the API guard is not reached: on the host, run 'rwenv daemon status'; on Linux, see docs/guard.md" >&2
  exit 1
fi
echo "the API guard is reached"
EOF
chmod 0755 /usr/local/bin/rwenv-guard-check

#!/usr/bin/env bash
# What a gateway adds to a call: the gateway example beside LiteLLM's proxy, in front of the same fake provider.
#
#   benches/gateway.sh            both; installs litellm[proxy] into target/litellm, about 800 MB, which takes minutes
#   benches/gateway.sh --ours     ours alone
#
# Linux only: CPU time and memory are read from /proc. How it measures stands in examples/gateway/examples/load.rs.
set -euo pipefail
cd "$(dirname "$0")/.."
litellm=1.106.2
target=${CARGO_TARGET_DIR:-target}
built=$target/release/examples
venv=$target/litellm

cargo build -q --release -p tower-ai-gateway-example --example gateway --example load
# Both have a second target, which no call needs.
gateways=("tower-ai=$built/gateway --listen 127.0.0.1:{port} --target {url},model=m --target http://127.0.0.1:9,model=m")

if [ "${1:-}" != --ours ]; then
  if [ "$("$venv/bin/pip" show litellm 2>/dev/null | sed -n 's/^Version: //p')" != "$litellm" ]; then
    echo "installing litellm[proxy] $litellm into $venv" >&2
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q "litellm[proxy]==$litellm"
  fi
  cat > "$venv/gateway.yaml" <<'YAML'
model_list:
  - model_name: m
    litellm_params: {model: openai/m, api_base: os.environ/PROVIDER_URL, api_key: any}
  - model_name: spare
    litellm_params: {model: openai/m, api_base: "http://127.0.0.1:9/v1", api_key: any}
router_settings: {num_retries: 2, fallbacks: [{m: [spare]}]}
litellm_settings: {telemetry: false, request_timeout: 30}
YAML
  # Ours asks callers for no key either.
  settings="LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY=true LITELLM_MODE=PRODUCTION LITELLM_LOG=ERROR LITELLM_LOCAL_MODEL_COST_MAP=True PROVIDER_URL={url}/v1"
  gateways+=("LiteLLM $litellm=env $settings $venv/bin/litellm --config $venv/gateway.yaml --host 127.0.0.1 --port {port}")
fi
"$built/load" "${gateways[@]}"

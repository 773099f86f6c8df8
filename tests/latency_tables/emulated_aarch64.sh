#!/usr/bin/env bash
# Put an aarch64 Python with TVM's runtime into FOLDER, to be run by qemu-user: FOLDER/python.
# Downloads about 130 MB from Debian and PyPI; changes nothing outside FOLDER and needs no root.
# Needs Debian's apt-get and dpkg, qemu-aarch64 (package qemu-user), python3 with pip.
#   emulated_aarch64.sh FOLDER TVM_VERSION FFI_VERSION
set -euo pipefail

folder=$(realpath -m "$1") tvm=$2 ffi=$3
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mkdir -p "$folder"/{site,wheels,root} "$folder"/apt/{lists/partial,cache/archives/partial}

# apt with a state of its own, as if this were an arm64 machine on which nothing is installed
: > "$folder/apt/status"
echo "deb [arch=arm64 signed-by=$keyring] http://deb.debian.org/debian $release main" \
    > "$folder/apt/sources"
arm_apt() {
    apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 \
        -o Dir::Etc::sourcelist="$folder/apt/sources" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::Etc::preferencesparts=/dev/null -o Dir::State="$folder/apt" \
        -o Dir::State::status="$folder/apt/status" -o Dir::State::lists="$folder/apt/lists" \
        -o Dir::Cache="$folder/apt/cache" -o APT::Sandbox::User=root -o Debug::NoLocking=1 \
        -o APT::Install-Recommends=false -o Acquire::Languages=none -o Acquire::Retries=2 "$@"
}
arm_apt update
arm_apt --yes --download-only install python3 libstdc++6 zlib1g > "$folder/apt/log"
for package in "$folder"/apt/cache/archives/*.deb; do
    dpkg -x "$package" "$folder/root"
done

binary=$(basename "$(find "$folder/root/usr/bin" -name 'python3.[0-9]*' | sort | head -n 1)")
version=${binary#python}
platforms=(--platform manylinux2014_aarch64)
for glibc in 17 24 27 28; do
    platforms+=(--platform "manylinux_2_${glibc}_aarch64")
done
python3 -m pip download --quiet --dest "$folder/wheels" "${platforms[@]}" --only-binary=:all: \
    --python-version "$version" --implementation cp --abi "cp${version/./}" --abi abi3 --abi none \
    "apache-tvm==$tvm" "apache-tvm-ffi==$ffi" numpy psutil cloudpickle tornado
for wheel in "$folder"/wheels/*.whl; do
    python3 -m zipfile -e "$wheel" "$folder/site"
done

cat > "$folder/python.new" <<END
#!/bin/sh
export PYTHONPATH="$folder/site" OPENBLAS_NUM_THREADS=1
exec qemu-aarch64 -L "$folder/root" "$folder/root/usr/bin/$binary" "\$@"
END
chmod +x "$folder/python.new"
"$folder/python.new" -c 'import platform; assert platform.machine() == "aarch64"'
mv "$folder/python.new" "$folder/python"
rm -rf "$folder/apt" "$folder/wheels"

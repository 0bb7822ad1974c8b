#!/bin/sh
# Extracts Debian's packages that packages.txt lists into the folder $1, and takes away what no server needs: of the
# processor $2, amd64 or arm64, which need not be this one's.
set -eu
root=$1
architecture=$2
case $architecture in
    amd64) strip=x86_64-linux-gnu-strip ;;
    arm64) strip=aarch64-linux-gnu-strip ;;
    *) echo "make_root.sh: expects amd64 or arm64, got '$architecture'" >&2; exit 1 ;;
esac

mkdir -p /tmp/packages "$root/etc" "$root/tmp" "$root/models" "$root/var/lib/dpkg/status.d"
cp packages.txt /tmp/packages/
cd /tmp/packages
apt() { apt-get -o APT::Architecture="$architecture" -o APT::Sandbox::User=root "$@"; }
apt update
# shellcheck disable=SC2046
apt download $(cat packages.txt)
for package in *.deb; do
    dpkg-deb --extract "$package" "$root"
    # Scanners of images find here what of Debian is in it.
    dpkg-deb --field "$package" > "$root/var/lib/dpkg/status.d/${package%%_*}"
done

# Users need no entry here; a name for root and one for the default user are all that some tool may look for.
printf 'root:x:0:0:root:/:/nologin\nveredicto:x:65532:65532:veredicto:/tmp:/nologin\n' > "$root/etc/passwd"
printf 'root:x:0:\nveredicto:x:65532:\n' > "$root/etc/group"
printf 'passwd: files\ngroup: files\nhosts: files dns\n' > "$root/etc/nsswitch.conf"
chmod 1777 "$root/tmp"

cd "$root"
find usr/share/doc -type f ! -name copyright -delete
rm -rf usr/share/man usr/share/locale usr/share/lintian usr/share/bug usr/lib/*/gconv \
    usr/lib/python3.11/lib2to3 usr/lib/python3.11/pydoc_data opt/site/bin
find opt/site -depth -type d \( -name tests -o -name test \) -exec rm -rf {} +
find opt/site -type f -regex '.*\.\(pyi\|pyx\|pxd\|pxi\|c\|cc\|cpp\|h\|hpp\|a\)' -delete
# What no server reads: onnxruntime's tools that change graphs and its copy for programs in C, numpy's for building
# extensions, the colouring of source code in other languages than Python, and AVIF, which no call takes; 60 MB with what
# would be compiled of it.
rm -rf opt/site/onnxruntime/transformers opt/site/onnxruntime/quantization opt/site/onnxruntime/tools \
    opt/site/onnxruntime/datasets opt/site/onnxruntime/backend opt/site/numpy/distutils opt/site/numpy/f2py
rm -f opt/site/onnxruntime/capi/libonnxruntime.so* opt/site/PIL/_avif*.so opt/site/pillow.libs/libavif*
find opt/site/pygments/lexers -name '*.py' ! -name __init__.py ! -name _mapping.py ! -name python.py ! -name special.py \
    ! -name text.py -delete
# Debug symbols are half of some libraries. A wheel's bundled libraries, which patchelf wrote, are left as they are.
find opt/site -name '*.so' ! -path '*.libs/*' ! -path '*/onnxruntime/*' ! -path '*/nvidia/*' -exec "$strip" --strip-unneeded {} +
# The loader finds CUDA's libraries by its cache, since the folders of their wheels have other names in each version.
if [ -d opt/site/nvidia ]; then
    find opt/site/nvidia -type d -name lib | sed 's|^|/|' > etc/ld.so.conf
    ldconfig -r "$root"
    rm -rf var/cache/ldconfig
fi

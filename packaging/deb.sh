#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Build the Debian package into build/deb.  The tree is copied first (what git tracks, as it is now), because dpkg wants
# debian/ at the top and leaves its traces there.
set -eu
cd "$(dirname "$0")/.."
: "${VERSION:?}"
out=build/deb
tree=$out/ringfence-$VERSION
rm -rf "$out"
mkdir -p "$tree"
git ls-files -z | tar --null -T - -cf - | tar -xf - -C "$tree"
mv "$tree/packaging/debian" "$tree/debian"
if ! (cd "$tree" && dpkg-buildpackage -b -us -uc > ../build.log 2>&1); then
	tail -40 "$out/build.log"
	echo "make deb: the build failed; the whole log is $out/build.log" >&2
	exit 1
fi
ls -l "$out"/*.deb

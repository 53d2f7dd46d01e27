#!/bin/sh
# Check the page's sources and build them into ../ilw_web/page; needs node 20 and npm, once.
set -eu
cd "$(dirname -- "$(readlink -f -- "$0")")"
npm ci --ignore-scripts --no-audit --no-fund
npx tsc
node build.mjs

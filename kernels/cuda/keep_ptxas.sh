#!/bin/sh
# Runs a compiler and keeps what it said beside the object that it made, as OBJECT.ptxas: by -Xptxas -v that is what
# every kernel takes of registers and memory, which bench/cuda/kernel_resources.ts reads.
object= previous=
for word; do
  [ "$previous" = -o ] && object=$word
  previous=$word
done
"$@" >"$object.ptxas.new" 2>&1
code=$?
if [ $code = 0 ]; then
  mv "$object.ptxas.new" "$object.ptxas"
else
  cat "$object.ptxas.new" >&2
  rm "$object.ptxas.new"
fi
exit $code

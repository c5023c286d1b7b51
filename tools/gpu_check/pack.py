"""Packs traces for a machine with a GPU: pack.py BUNDLE TRACE...

Most of a trace is float32, which LZMA packs better when it knows of four bytes that belong together. Weights that many
traces have are found again within the dictionary, so the small ones, which share most, come last together.
"""

import lzma
import os
import sys
import tarfile

FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 4, "dict_size": 64 << 20, "lc": 0, "lp": 2, "pb": 2}]


def main(bundle, *traces):
    with lzma.open(f"{bundle}.new", "wb", filters=FILTERS) as packed:
        with tarfile.open(fileobj=packed, mode="w|") as archive:
            for trace in sorted(traces, key=os.path.getsize, reverse=True):
                archive.add(trace, arcname=os.path.basename(trace))
    os.rename(f"{bundle}.new", bundle)


if __name__ == "__main__":
    main(*sys.argv[1:])

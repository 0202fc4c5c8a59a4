#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes a file's bytes as a C array: embed.py INPUT OUTPUT NAME."""
import sys

data = open(sys.argv[1], "rb").read()
with open(sys.argv[2], "w") as file:
    file.write('/* SPDX-License-Identifier: BSD-3-Clause */\n#include "internal.h"\n\n')
    file.write("const unsigned int %s_size = %d;\n" % (sys.argv[3], len(data)))
    file.write("const unsigned char %s[] __attribute__((aligned(8))) = {\n" % sys.argv[3])
    for at in range(0, len(data), 16):
        file.write("\t" + ", ".join(str(byte) for byte in data[at:at + 16]) + ",\n")
    file.write("};\n")

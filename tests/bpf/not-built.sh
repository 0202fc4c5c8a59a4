#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
echo "skip: libvdevmgmt-bpf is not built: disabled, or libbpf 1.0 or a clang with the target bpf is missing"
exit 77

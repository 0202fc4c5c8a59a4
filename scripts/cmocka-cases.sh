#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Wrapper for `meson test`: lets cmocka write its cases to a file of this run's own, and says where.
# (cmocka's TAP mode shows skips as failures to meson 1.0, and its exit code hides skips.)
echo "vdev-cases: $VDEV_CASES/$$-"
export CMOCKA_MESSAGE_OUTPUT=XML CMOCKA_XML_FILE="$VDEV_CASES/$$-%g.xml"
exec "$@"

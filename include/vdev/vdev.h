/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file vdev.h
 * Umbrella: everything that libvdevmgmt itself has. kvm.h, pages.h and runtime.h belong to libvdevmgmt-linux,
 * host.h to libvdevmgmt-host, bpfsource.h to libvdevmgmt-bpf; they are included apart.
 */
#ifndef VDEV_VDEV_H
#define VDEV_VDEV_H

#include <vdev/backend.h>
#include <vdev/base.h>
#include <vdev/cpumap.h>
#include <vdev/error.h>
#include <vdev/guest.h>
#include <vdev/irqhint.h>
#include <vdev/migration.h>
#include <vdev/mock.h>
#include <vdev/msi.h>
#include <vdev/pvdev.h>
#include <vdev/pvqueue.h>
#include <vdev/removal.h>
#include <vdev/version.h>
#include <vdev/zerocopy.h>

#endif

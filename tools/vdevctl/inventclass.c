/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl: short names of PCI classes (PCI Code and ID Assignment Specification), for tables. */
#include <stdio.h>

#include "inventory.h"

static const struct {
	uint32_t code; /* class and subclass; or, below 0x100, a class */
	const char *name;
} classes[] = {
	{0x0100, "SCSI"},       {0x0101, "IDE"},         {0x0104, "RAID"},
	{0x0106, "SATA"},       {0x0107, "SAS"},         {0x0108, "NVMe"},
	{0x0200, "Ethernet"},   {0x0207, "InfiniBand"},  {0x0280, "network"},
	{0x0300, "VGA"},        {0x0302, "3D"},          {0x0403, "audio"},
	{0x0500, "RAM"},        {0x0580, "memory"},      {0x0600, "host bridge"},
	{0x0601, "ISA bridge"}, {0x0604, "PCI bridge"},  {0x0680, "bridge"},
	{0x0700, "serial"},     {0x0806, "IOMMU"},       {0x0c03, "USB"},
	{0x0c05, "SMBus"},      {0x01, "storage"},       {0x02, "network"},
	{0x03, "display"},      {0x04, "multimedia"},    {0x05, "memory"},
	{0x06, "bridge"},       {0x07, "communication"}, {0x08, "system"},
	{0x09, "input"},        {0x0b, "processor"},     {0x0c, "serial bus"},
	{0x0d, "wireless"},     {0x10, "encryption"},    {0x11, "signal"},
	{0x12, "accelerator"},  {0xff, "unassigned"},
};

const char *inventory_class(uint32_t class_code, char room[16])
{
	if (class_code == VDEV_INVENTORY_UNKNOWN)
		return "-";
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (classes[i].code == class_code >> 8 || classes[i].code == class_code >> 16)
			return classes[i].name;
	snprintf(room, 16, "%06x", class_code & 0xffffff);
	return room;
}

// SPDX-License-Identifier: MIT
//
// The one place where volk's functions are compiled.
#ifndef VK_NO_PROTOTYPES
#define VK_NO_PROTOTYPES
#endif
#define VOLK_IMPLEMENTATION
#include <volk.h>

// SPDX-License-Identifier: MIT
//
// Vulkan's types and functions, loaded at run time: a machine without a loader still starts.
#pragma once

#ifndef VK_NO_PROTOTYPES
#define VK_NO_PROTOTYPES
#endif
#include <volk.h>

// SPDX-License-Identifier: MIT
//
// A device's pipeline cache on disk: a header of our own in front of the driver's bytes, because
// drivers are not bound to survive damaged ones.
//
//   "SGPIPE01" | u32 vendor | u32 device | u32 driver version | u32 length | UUID in hex [32] |
//   u64 XXH3 of the data | data
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "gpu/device_info.h"

namespace starglass::gpu {

std::string pipeline_file_name(const DeviceInfo& device);  // within the cache folder

// The driver's bytes. Errors: not_found when there is no file; invalid_input when it is damaged or
// belongs to another driver.
Result<std::vector<std::byte>> read_pipeline_file(const std::string& path,
                                                  const DeviceInfo& device);
Status write_pipeline_file(const std::string& path, const DeviceInfo& device,
                           const std::vector<std::byte>& data);

}  // namespace starglass::gpu

// SPDX-License-Identifier: MIT
//
// Kernels on a Vulkan device. Values lie in device memory; ops are given to a stream and run
// later, in order. What goes wrong on the device comes out of read() and finish().
#pragma once

#include <memory>

#include "gpu/device.h"
#include "gpu/stream.h"
#include "kernel/backend.h"

namespace starglass {

class VulkanBackend : public Backend {
public:
    [[nodiscard]] virtual gpu::Device& device() = 0;
    [[nodiscard]] virtual gpu::Stream& stream() = 0;
    // Writes a weight in file form into device memory and gives it there; released with
    // `release(w.data)`. Errors: out_of_memory.
    virtual Result<Weight> place(const Weight& w) = 0;
    // Cooperative matrix kernels in ordinary arithmetic, on any device: slow, for tests.
    virtual void emulate_matrix() = 0;
};

// Errors: those of gpu::Device::open.
Result<std::unique_ptr<VulkanBackend>> make_vulkan_backend(Activations activations,
                                                           const gpu::DeviceOptions& options);

}  // namespace starglass

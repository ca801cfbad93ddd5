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
    // Routed experts whose weights were never placed are computed by `host`, which sees them where
    // they are.
    virtual void compute_experts_with(std::unique_ptr<Backend> host) = 0;
    // Bytes a second at which kernels read device memory. Errors: out_of_memory.
    virtual Result<double> measure_read_speed() = 0;
    // Cooperative matrix kernels in ordinary arithmetic, on any device: slow, for tests.
    virtual void emulate_matrix() = 0;
    // Every op on its own, for tests: the values are the same to the bit.
    virtual void keep_ops_apart() = 0;
    virtual void
    join_products() = 0;  // one row's products of one x in one kernel, as on a real device
};

// Errors: those of gpu::Device::open.
Result<std::unique_ptr<VulkanBackend>> make_vulkan_backend(Activations activations,
                                                           const gpu::DeviceOptions& options);

}  // namespace starglass

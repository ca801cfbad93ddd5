// SPDX-License-Identifier: MIT
#ifndef SG_SWIGLU_GLSL
#define SG_SWIGLU_GLSL

// silu(gate) * up after clamping; a clamp of at most 1e-6 means none.
float swiglu(float gate, float up, float clamp_) {
    if (clamp_ > 1e-6) {
        gate = min(gate, clamp_);
        up = min(max(up, -clamp_), clamp_);
    }
    const float e = exp(-abs(gate));
    return gate * (gate >= 0.0 ? 1.0 / (1.0 + e) : e / (1.0 + e)) * up;
}

#endif

// SPDX-License-Identifier: MIT
//
// SHA-1 and SHA-256 of bytes that come piece by piece, through OpenSSL's EVP. A digest can be
// copied and finished while the original goes on: that gives the digest of every prefix of a text
// in one pass. SHA-1 names things here (ds4's files do the same); it keeps no secrets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX
struct evp_md_st;

namespace starglass {

// What Sha1 and Sha256 share. One thread at a time.
class EvpDigest {
public:
    EvpDigest(const EvpDigest& other);
    EvpDigest& operator=(const EvpDigest& other);
    EvpDigest(EvpDigest&&) noexcept = default;
    EvpDigest& operator=(EvpDigest&&) noexcept = default;
    ~EvpDigest() = default;

    void update(std::span<const std::byte> bytes);
    void update(std::string_view text) { update(std::as_bytes(std::span(text))); }

protected:
    explicit EvpDigest(const evp_md_st* method);
    void finish(std::span<std::uint8_t> out) const;

private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

class Sha1 : public EvpDigest {
public:
    static constexpr std::size_t kBytes = 20;
    using Value = std::array<std::uint8_t, kBytes>;
    Sha1();
    // Of everything so far; more may follow.
    [[nodiscard]] Value value() const;
    [[nodiscard]] std::string hex() const;
};

class Sha256 : public EvpDigest {
public:
    static constexpr std::size_t kBytes = 32;
    using Value = std::array<std::uint8_t, kBytes>;
    Sha256();
    [[nodiscard]] Value value() const;
    [[nodiscard]] std::string hex() const;
};

// Two lower-case digits a byte.
std::string to_hex(std::span<const std::uint8_t> bytes);

std::string sha1_hex(std::string_view text);
std::string sha256_hex(std::string_view text);

}  // namespace starglass

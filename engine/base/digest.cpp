// SPDX-License-Identifier: MIT
#include "base/digest.h"

#include <openssl/evp.h>

#include <new>

namespace starglass {
namespace {

// These calls fail only for lack of memory or in a library without these digests.
void require(int ok) {
    if (ok != 1) throw std::bad_alloc();
}

}  // namespace

void EvpDigest::Free::operator()(evp_md_ctx_st* context) const {
    EVP_MD_CTX_free(context);
}

EvpDigest::EvpDigest(const evp_md_st* method) : context_(EVP_MD_CTX_new()) {
    require(context_ != nullptr ? 1 : 0);
    require(EVP_DigestInit_ex(context_.get(), method, nullptr));
}

EvpDigest::EvpDigest(const EvpDigest& other) : context_(EVP_MD_CTX_new()) {
    require(context_ != nullptr ? 1 : 0);
    require(EVP_MD_CTX_copy_ex(context_.get(), other.context_.get()));
}

EvpDigest& EvpDigest::operator=(const EvpDigest& other) {
    if (this != &other) require(EVP_MD_CTX_copy_ex(context_.get(), other.context_.get()));
    return *this;
}

void EvpDigest::update(std::span<const std::byte> bytes) {
    require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
}

void EvpDigest::finish(std::span<std::uint8_t> out) const {
    // Finishing ends a context, so a copy is finished.
    const EvpDigest copy(*this);
    require(EVP_DigestFinal_ex(copy.context_.get(), out.data(), nullptr));
}

Sha1::Sha1() : EvpDigest(EVP_sha1()) {
}

Sha1::Value Sha1::value() const {
    Value out{};
    finish(out);
    return out;
}

std::string Sha1::hex() const {
    return to_hex(value());
}

Sha256::Sha256() : EvpDigest(EVP_sha256()) {
}

Sha256::Value Sha256::value() const {
    Value out{};
    finish(out);
    return out;
}

std::string Sha256::hex() const {
    return to_hex(value());
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string out;
    out.reserve(2 * bytes.size());
    for (const std::uint8_t byte : bytes) {
        out += kDigits[byte >> 4];
        out += kDigits[byte & 15U];
    }
    return out;
}

std::string sha1_hex(std::string_view text) {
    Sha1 digest;
    digest.update(text);
    return digest.hex();
}

std::string sha256_hex(std::string_view text) {
    Sha256 digest;
    digest.update(text);
    return digest.hex();
}

}  // namespace starglass

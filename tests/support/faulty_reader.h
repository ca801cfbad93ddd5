// SPDX-License-Identifier: MIT
//
// A disk that lies: an AsyncReader around another one which fails, delays or shortens the requests
// a rule picks. One thread at a time, as any reader.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/async_reader.h"

namespace starglass {

// What befalls one request.
struct ReadFault {
    int error = 0;                // errno; the inner reader never sees the request
    std::int64_t bytes_max = -1;  // more than that does not come; the rest of `to` is filled with
                                  // kUnread, so that whoever uses it is found out
    double seconds_min = 0;       // from submit() until it may be taken
};

class FaultyReader final : public AsyncReader {
public:
    static constexpr std::byte kUnread{0xDB};

    // `index` counts requests from 0 in the order they were submitted.
    using Rule = std::function<ReadFault(std::int64_t index, const ReadRequest& request)>;

    explicit FaultyReader(std::unique_ptr<AsyncReader> inner, Rule rule = {})
        : inner_(std::move(inner)), rule_(std::move(rule)) {}

    // The usual rules.
    static Rule fail_nth(std::int64_t nth, int error) {
        return [=](std::int64_t index, const ReadRequest&) {
            return ReadFault{.error = index == nth ? error : 0};
        };
    }
    static Rule fail_from(std::int64_t first, int error) {
        return [=](std::int64_t index, const ReadRequest&) {
            return ReadFault{.error = index >= first ? error : 0};
        };
    }
    static Rule shorten_nth(std::int64_t nth, std::int64_t bytes) {
        return [=](std::int64_t index, const ReadRequest&) {
            return ReadFault{.bytes_max = index == nth ? bytes : -1};
        };
    }
    static Rule slow(double seconds) {
        return [=](std::int64_t, const ReadRequest&) { return ReadFault{.seconds_min = seconds}; };
    }

    // For requests that are submitted from now on; an empty rule lets everything pass.
    void set_rule(Rule rule) { rule_ = std::move(rule); }

    // What was asked for so far.
    [[nodiscard]] std::int64_t requests() const { return requests_; }
    [[nodiscard]] std::int64_t bytes_asked() const { return bytes_asked_; }

    std::string name() const override { return "faulty " + inner_->name(); }

    void submit(const ReadFile& file, std::span<const ReadRequest> requests) override {
        const Clock::time_point now = Clock::now();
        for (const ReadRequest& request : requests) {
            const std::int64_t index = requests_++;
            bytes_asked_ += request.bytes;
            const ReadFault fault = rule_ ? rule_(index, request) : ReadFault{};
            Under under{.request = request, .fault = fault, .given = now};
            if (fault.error != 0) {
                held_.push_back({under, {.tag = request.tag, .error = fault.error}});
                continue;
            }
            ReadRequest passed = request;
            passed.tag = static_cast<std::uint64_t>(index);
            under_.emplace(passed.tag, under);
            inner_->submit(file, {&passed, 1});
        }
    }

    std::size_t take(std::span<ReadCompletion> completions, bool wait) override {
        if (completions.empty()) return 0;
        for (;;) {
            collect(wait && held_.empty());
            const std::size_t count = hand_out(completions);
            if (count > 0 || !wait || pending() == 0) return count;
            // Something is held back, and something else may come before its time.
            if (!held_.empty()) std::this_thread::sleep_for(std::chrono::microseconds(100));
        }
    }

    std::size_t pending() const override { return under_.size() + held_.size(); }

    bool pin(std::span<std::byte> memory) override { return inner_->pin(memory); }
    void unpin(std::span<std::byte> memory) override { inner_->unpin(memory); }

private:
    using Clock = std::chrono::steady_clock;
    struct Under {
        ReadRequest request;
        ReadFault fault;
        Clock::time_point given;
    };
    struct Held {
        Under under;
        ReadCompletion completion;
    };

    void collect(bool wait) {
        ReadCompletion block[16];
        for (;;) {
            const std::size_t count = inner_->take(block, wait);
            for (std::size_t at = 0; at < count; ++at) {
                ReadCompletion completion = block[at];
                const auto found = under_.find(completion.tag);
                const Under under = found->second;
                under_.erase(found);
                completion.tag = under.request.tag;
                if (under.fault.bytes_max >= 0 && completion.bytes > under.fault.bytes_max) {
                    std::fill(under.request.to + under.fault.bytes_max,
                              under.request.to + completion.bytes, kUnread);
                    completion.bytes = under.fault.bytes_max;
                }
                held_.push_back({under, completion});
            }
            if (count < std::size(block)) return;
            wait = false;
        }
    }

    std::size_t hand_out(std::span<ReadCompletion> completions) {
        const Clock::time_point now = Clock::now();
        std::size_t count = 0;
        std::erase_if(held_, [&](Held& held) {
            const double passed = std::chrono::duration<double>(now - held.under.given).count();
            if (count == completions.size() || passed < held.under.fault.seconds_min) return false;
            held.completion.seconds =
                std::max(held.completion.seconds, held.under.fault.seconds_min);
            completions[count++] = held.completion;
            return true;
        });
        return count;
    }

    std::unique_ptr<AsyncReader> inner_;
    Rule rule_;
    std::int64_t requests_ = 0;
    std::int64_t bytes_asked_ = 0;
    std::unordered_map<std::uint64_t, Under> under_;  // by index, which is the inner tag
    std::vector<Held> held_;                          // ended, not taken
};

}  // namespace starglass

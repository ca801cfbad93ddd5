// SPDX-License-Identifier: GPL-3.0-or-later
#include "bridge/demo_tools.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>

namespace starglass::ui {
namespace {

// Recursive descent over
//   sum     = product { (+|-) product }
//   product = factor { (*|/) factor }
//   factor  = (+|-) factor | ( sum ) | number
// The first problem is kept; what follows it is only skipped.
class Calculator {
public:
    explicit Calculator(std::string_view text) : text_(text) {}

    std::string run() {
        const double value = sum();
        skipSpace();
        if (problem_.empty() && at_ < text_.size())
            problem_ = fmt::format("unexpected '{}' at character {}", text_[at_], at_ + 1);
        if (problem_.empty() && !(std::abs(value) < 1e18)) problem_ = "the result is too large";
        if (!problem_.empty()) return "error: " + problem_;
        return number(value);
    }

private:
    // Deep nesting would end the stack before it ends the text.
    static constexpr int kDepthMax = 100;

    double sum() {
        double value = product();
        for (;;) {
            if (take('+')) value += product();
            else if (take('-')) value -= product();
            else return value;
        }
    }

    double product() {
        double value = factor();
        for (;;) {
            if (take('*')) {
                value *= factor();
            } else if (take('/')) {
                const double divisor = factor();
                if (divisor == 0 && problem_.empty()) problem_ = "division by zero";
                value = divisor == 0 ? 0 : value / divisor;
            } else {
                return value;
            }
        }
    }

    double factor() {
        if (!problem_.empty()) return 0;
        if (++depth_ > kDepthMax) {
            problem_ = "too many brackets";
            --depth_;
            return 0;
        }
        double value = 0;
        if (take('-')) {
            value = -factor();
        } else if (take('+')) {
            value = factor();
        } else if (take('(')) {
            value = sum();
            if (!take(')') && problem_.empty()) problem_ = "a closing bracket is missing";
        } else {
            value = literal();
        }
        --depth_;
        return value;
    }

    double literal() {
        skipSpace();
        double value = 0;
        const char* begin = text_.data() + at_;
        const char* end = text_.data() + text_.size();
        // from_chars would also read "inf", "nan" and exponents; digits and one point are enough.
        const char* stop = begin;
        bool point = false;
        while (stop < end && ((*stop >= '0' && *stop <= '9') || (*stop == '.' && !point))) {
            point = point || *stop == '.';
            ++stop;
        }
        const auto [rest, status] = std::from_chars(begin, stop, value, std::chars_format::fixed);
        if (status != std::errc{} || rest != stop) {
            if (problem_.empty())
                problem_ = at_ < text_.size()
                               ? fmt::format("expected a number at character {}", at_ + 1)
                               : std::string("the expression ends too early");
            return 0;
        }
        at_ += static_cast<std::size_t>(stop - begin);
        return value;
    }

    void skipSpace() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    }

    bool take(char symbol) {
        skipSpace();
        if (!problem_.empty() || at_ >= text_.size() || text_[at_] != symbol) return false;
        ++at_;
        return true;
    }

    // At most six decimals, no trailing zeros: what the built-in model was shown.
    static std::string number(double value) {
        std::string text = fmt::format("{:.6f}", value);
        while (text.back() == '0') text.pop_back();
        if (text.back() == '.') text.pop_back();
        return text == "-0" ? "0" : text;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    int depth_ = 0;
    std::string problem_;
};

}  // namespace

std::vector<std::string> demoToolSchemas() {
    return {
        R"({"name":"clock","description":"current date and time"})",
        R"({"name":"calculator","parameters":{"expression":"string"}})",
    };
}

std::string runDemoTool(const ToolCall& call, std::chrono::system_clock::time_point now) {
    if (call.name == "clock") return clockText(now);
    if (call.name == "calculator") {
        const auto arguments = nlohmann::json::parse(call.arguments, nullptr, false);
        if (!arguments.is_object()) return "error: the arguments are not a JSON object";
        const auto found = arguments.find("expression");
        if (found == arguments.end()) return "error: the argument 'expression' is missing";
        if (found->is_string()) return calculate(found->get<std::string>());
        if (found->is_number()) return calculate(found->dump());
        return "error: the argument 'expression' is not a string";
    }
    return fmt::format("error: there is no tool named '{}'", call.name);
}

std::string calculate(std::string_view expression) {
    if (expression.size() > 1000) return "error: the expression is too long";
    return Calculator(expression).run();
}

std::string clockText(std::chrono::system_clock::time_point now) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    std::tm local{};
#ifdef _WIN32
    localtime_s(&local, &seconds);
#else
    localtime_r(&seconds, &local);
#endif
    // English weekday names whatever the locale: this is for the model.
    static constexpr const char* kDays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                            "Thursday", "Friday", "Saturday"};
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} {}", local.tm_year + 1900,
                       local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec,
                       kDays[local.tm_wday % 7]);
}

}  // namespace starglass::ui

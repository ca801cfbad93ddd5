// SPDX-License-Identifier: MIT
#include "tools/demo_tools.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>

namespace starglass {
namespace {

constexpr std::size_t kExpressionBytesMax = 1000;
// Every bracket and sign is one call deep; this is far below what a thread's stack allows.
constexpr int kDepthMax = 100;
// Beyond this a double no longer holds whole numbers, and the answer would be a guess.
constexpr double kResultMax = 9007199254740992.0;

// Values are nullopt after the first problem, which is kept; the callers then just return.
class Expression {
public:
    explicit Expression(std::string_view text) : text_(text) {}

    std::string evaluate() {
        std::optional<double> value = sum(0);
        if (value && peek() != '\0') value = problem(unexpected());
        if (value && !(std::abs(*value) <= kResultMax)) value = problem("the result is too large");
        return value ? format(*value) : "error: " + problem_;
    }

private:
    std::optional<double> sum(int depth) {
        std::optional<double> left = product(depth);
        for (char sign = peek(); left && (sign == '+' || sign == '-'); sign = peek()) {
            ++at_;
            const std::optional<double> right = product(depth);
            if (!right) return right;
            *left += sign == '+' ? *right : -*right;
        }
        return left;
    }

    std::optional<double> product(int depth) {
        std::optional<double> left = operand(depth);
        for (char sign = peek(); left && (sign == '*' || sign == '/'); sign = peek()) {
            ++at_;
            const std::optional<double> right = operand(depth);
            if (!right) return right;
            if (sign == '/' && *right == 0) return problem("division by zero");
            *left = sign == '*' ? *left * *right : *left / *right;
        }
        return left;
    }

    std::optional<double> operand(int depth) {
        if (depth > kDepthMax) return problem("too many brackets or signs");
        const char next = peek();
        if (next == '+' || next == '-') {
            ++at_;
            const std::optional<double> value = operand(depth + 1);
            if (!value) return value;
            return next == '-' ? -*value : *value;
        }
        if (next == '(') {
            ++at_;
            const std::optional<double> value = sum(depth + 1);
            if (!value) return value;
            if (peek() != ')') return problem("a closing bracket is missing");
            ++at_;
            return value;
        }
        return number();
    }

    // Digits with at most one point: no exponents, no "inf".
    std::optional<double> number() {
        const std::size_t begin = at_;
        while (at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == '.')) ++at_;
        if (begin == at_) return problem(unexpected());
        double value = 0;
        const auto [end, status] = std::from_chars(text_.data() + begin, text_.data() + at_, value,
                                                   std::chars_format::fixed);
        if (status != std::errc{} || end != text_.data() + at_)
            return problem(fmt::format("'{}' is not a number", text_.substr(begin, at_ - begin)));
        return value;
    }

    std::string unexpected() {
        if (peek() == '\0') return "the expression ends too early";
        return fmt::format("character {} is not expected there", at_ + 1);
    }

    // The next character that is not a blank, '\0' at the end; a NUL in the text is no different
    // from any other wrong character because at_ stays in front of it.
    char peek() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
        if (at_ == text_.size()) return '\0';
        return text_[at_] == '\0' ? '?' : text_[at_];
    }

    std::optional<double> problem(std::string text) {
        if (problem_.empty()) problem_ = std::move(text);
        return std::nullopt;
    }

    static bool is_digit(char c) { return c >= '0' && c <= '9'; }

    static std::string format(double value) {
        std::string text = fmt::format("{:.6f}", value);
        text.erase(text.find_last_not_of('0') + 1);
        if (text.back() == '.') text.pop_back();
        return text == "-0" ? "0" : text;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::string problem_;
};

}  // namespace

std::vector<std::string> demo_tool_schemas() {
    return {R"({"name":"clock","description":"current date and time"})",
            R"({"name":"calculator","parameters":{"expression":"string"}})"};
}

bool is_demo_tool(std::string_view name) {
    return name == "clock" || name == "calculator";
}

std::string run_demo_tool(const ToolCall& call, std::chrono::system_clock::time_point now) {
    if (call.name == "clock") return clock_text(now);
    if (call.name != "calculator")
        return fmt::format("error: there is no tool named '{}'", call.name);
    const auto arguments = nlohmann::json::parse(call.arguments, nullptr, false);
    if (!arguments.is_object()) return "error: the arguments are not a JSON object";
    const auto expression = arguments.find("expression");
    if (expression == arguments.end()) return "error: the argument 'expression' is missing";
    if (expression->is_string()) return calculate(expression->get_ref<const std::string&>());
    if (expression->is_number()) return calculate(expression->dump());
    return "error: the argument 'expression' is not text";
}

std::string calculate(std::string_view expression) {
    if (expression.size() > kExpressionBytesMax) return "error: the expression is too long";
    return Expression(expression).evaluate();
}

std::string clock_text(std::chrono::system_clock::time_point now) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    std::tm local{};
#ifdef _WIN32
    localtime_s(&local, &seconds);
#else
    localtime_r(&seconds, &local);
#endif
    // strftime would follow the locale; the model was shown English weekdays.
    static constexpr std::array kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                         "Thursday", "Friday", "Saturday"};
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} {}", local.tm_year + 1900,
                       local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec,
                       kDays[static_cast<std::size_t>(local.tm_wday) % kDays.size()]);
}

}  // namespace starglass

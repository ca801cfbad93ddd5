// SPDX-License-Identifier: MIT
#include "text/json_value.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "text/utf8.h"

namespace starglass {
namespace {

[[nodiscard]] bool is_json_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Builds the tree from parser events; the open arrays and objects are a stack of pointers, each
// into the last item of the one below, which does not move while it is open.
class TreeBuilder final : public nlohmann::json_sax<nlohmann::json> {
public:
    explicit TreeBuilder(JsonValue& root) : root_(root) {}

    bool null() override { return place({}) != nullptr; }
    bool boolean(bool value) override {
        return place({.kind = JsonValue::Kind::boolean, .boolean = value}) != nullptr;
    }
    bool number_integer(number_integer_t value) override { return number(std::to_string(value)); }
    bool number_unsigned(number_unsigned_t value) override { return number(std::to_string(value)); }
    bool number_float(number_float_t, const string_t& written) override {
        // The parser spells the decimal point as the process's locale does.
        std::string text = written;
        for (char& c : text)
            if ((c < '0' || c > '9') && c != '+' && c != '-' && c != 'e' && c != 'E') c = '.';
        return number(std::move(text));
    }
    bool string(string_t& value) override {
        return place({.kind = JsonValue::Kind::string, .text = std::move(value)}) != nullptr;
    }
    bool binary(binary_t&) override { return false; }
    bool start_object(std::size_t) override { return open(JsonValue::Kind::object); }
    bool end_object() override { return close(); }
    bool start_array(std::size_t) override { return open(JsonValue::Kind::array); }
    bool end_array() override { return close(); }
    bool key(string_t& name) override {
        name_ = std::move(name);
        return true;
    }
    bool parse_error(std::size_t position, const std::string&,
                     const nlohmann::json::exception& error) override {
        position_ = position;
        const std::string_view what = error.what();
        out_of_range_ = what.find("out_of_range") != std::string_view::npos;
        return false;
    }

    [[nodiscard]] tl::unexpected<Error> error() const {
        if (too_deep_)
            return fail(ErrorCode::invalid_input, "the JSON is nested deeper than {} levels",
                        kJsonDepthMax);
        if (out_of_range_)
            return fail(ErrorCode::invalid_input, "the JSON has a number out of range near byte {}",
                        position_);
        return fail(ErrorCode::invalid_input, "the text is not valid JSON near byte {}", position_);
    }

private:
    bool number(std::string text) {
        return place({.kind = JsonValue::Kind::number, .text = std::move(text)}) != nullptr;
    }

    JsonValue* place(JsonValue value) {
        if (open_.empty()) {
            root_ = std::move(value);
            return &root_;
        }
        JsonValue& parent = *open_.back();
        if (parent.is(JsonValue::Kind::array)) return &parent.items.emplace_back(std::move(value));
        for (auto& [name, member] : parent.members)
            if (name == name_) {
                member = std::move(value);
                return &member;
            }
        return &parent.members.emplace_back(std::move(name_), std::move(value)).second;
    }

    bool open(JsonValue::Kind kind) {
        if (open_.size() == kJsonDepthMax) {
            too_deep_ = true;
            return false;
        }
        open_.push_back(place({.kind = kind}));
        return true;
    }

    bool close() {
        open_.pop_back();
        return true;
    }

    JsonValue& root_;
    std::vector<JsonValue*> open_;
    std::string name_;
    std::size_t position_ = 0;
    bool too_deep_ = false;
    bool out_of_range_ = false;
};

// `json` with every comma in front of a closing bracket turned into a blank (same positions).
[[nodiscard]] std::string without_trailing_commas(std::string_view json) {
    std::string out(json);
    std::size_t comma = std::string::npos;
    char previous = '[';  // the last character that is no blank, outside of strings
    bool in_string = false;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const char c = out[i];
        if (in_string) {
            if (c == '\\') ++i;
            if (c == '"') in_string = false;
        } else if (!is_json_blank(c)) {
            if ((c == '}' || c == ']') && comma != std::string::npos) out[comma] = ' ';
            const bool ends_item = c == ',' && previous != '[' && previous != '{' &&
                                   previous != ',' && previous != ':';
            comma = ends_item ? i : std::string::npos;
            in_string = c == '"';
            previous = c;
        }
    }
    return out;
}

// A number as Python's json writes it: whole numbers digit for digit, others as the shortest
// text that reads back to the same double, with a point or an exponent.
void append_python_number(std::string& out, const std::string& text) {
    if (text.find_first_of(".eE") == std::string::npos) {
        out += text;
        return;
    }
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    const std::string written = fmt::format("{}", value);
    out += written;
    if (written.find_first_of(".en") == std::string::npos) out += ".0";
}

void write(std::string& out, const JsonValue& value, bool spaced) {
    const std::string_view comma = spaced ? ", " : ",";
    const std::string_view colon = spaced ? ": " : ":";
    bool first = true;
    switch (value.kind) {
        case JsonValue::Kind::null:
            out += "null";
            break;
        case JsonValue::Kind::boolean:
            out += value.boolean ? "true" : "false";
            break;
        case JsonValue::Kind::number:
            if (spaced)
                append_python_number(out, value.text);
            else
                out += value.text;
            break;
        case JsonValue::Kind::string:
            append_json_string(out, value.text);
            break;
        case JsonValue::Kind::array:
            out += '[';
            for (const JsonValue& item : value.items) {
                if (!std::exchange(first, false)) out += comma;
                write(out, item, spaced);
            }
            out += ']';
            break;
        case JsonValue::Kind::object:
            out += '{';
            for (const auto& [name, member] : value.members) {
                if (!std::exchange(first, false)) out += comma;
                append_json_string(out, name);
                out += colon;
                write(out, member, spaced);
            }
            out += '}';
            break;
    }
}

}  // namespace

Result<JsonValue> JsonValue::parse(std::string_view json) {
    JsonValue root;
    TreeBuilder builder(root);
    if (!nlohmann::json::sax_parse(without_trailing_commas(json), &builder)) return builder.error();
    return root;
}

const JsonValue* JsonValue::find(std::string_view name) const {
    for (const auto& [key, value] : members)
        if (key == name) return &value;
    return nullptr;
}

std::string JsonValue::spaced() const {
    std::string out;
    write(out, *this, true);
    return out;
}

std::string JsonValue::compact() const {
    std::string out;
    write(out, *this, false);
    return out;
}

void append_json_string(std::string& out, std::string_view text) {
    if (!is_valid_utf8(text)) {
        append_json_string(out, to_valid_utf8(text));
        return;
    }
    out += '"';
    for (const char c : text) {
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\b':
                out += "\\b";
                break;
            case '\f':
                out += "\\f";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                if (static_cast<unsigned char>(c) < 0x20)
                    fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
                else
                    out += c;
        }
    }
    out += '"';
}

namespace {

// Reads JSON grammar without keeping anything. Each function moves `at` behind what it names.
class JsonScanner {
public:
    explicit JsonScanner(std::string_view text) : text_(text) {}

    bool value(std::size_t depth) {
        if (at_ == text_.size() || depth > kJsonDepthMax) return false;
        switch (text_[at_]) {
            case '{':
                return sequence('}', true, depth);
            case '[':
                return sequence(']', false, depth);
            case '"':
                return string();
            case 't':
                return word("true");
            case 'f':
                return word("false");
            case 'n':
                return word("null");
            default:
                return number();
        }
    }
    [[nodiscard]] std::size_t at() const { return at_; }

private:
    bool sequence(char close, bool named, std::size_t depth) {
        ++at_;
        blanks();
        if (take(close)) return true;
        for (;;) {
            blanks();
            if (named) {
                if (!string()) return false;
                blanks();
                if (!take(':')) return false;
                blanks();
            }
            if (!value(depth + 1)) return false;
            blanks();
            if (take(close)) return true;
            if (!take(',')) return false;
        }
    }

    bool string() {
        if (!take('"')) return false;
        while (at_ < text_.size()) {
            const char c = text_[at_++];
            if (c == '"') return true;
            if (static_cast<unsigned char>(c) < 0x20) return false;
            if (c != '\\') continue;
            if (at_ == text_.size()) return false;
            const char escaped = text_[at_++];
            if (escaped == 'u') {
                for (int i = 0; i < 4; ++i, ++at_)
                    if (at_ == text_.size() ||
                        std::string_view("0123456789abcdefABCDEF").find(text_[at_]) ==
                            std::string_view::npos)
                        return false;
            } else if (std::string_view("\"\\/bfnrt").find(escaped) == std::string_view::npos) {
                return false;
            }
        }
        return false;
    }

    bool number() {
        take('-');
        if (!take('0') && !digits()) return false;
        const std::size_t whole = at_;
        if (take('.') && !digits()) at_ = whole;
        const std::size_t mantissa = at_;
        if (take('e') || take('E')) {
            if (!take('+')) take('-');
            if (!digits()) at_ = mantissa;
        }
        return true;
    }

    bool digits() {
        const std::size_t begin = at_;
        while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
        return at_ > begin;
    }
    bool word(std::string_view expected) {
        if (!text_.substr(at_).starts_with(expected)) return false;
        at_ += expected.size();
        return true;
    }
    bool take(char c) {
        if (at_ == text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    void blanks() {
        while (at_ < text_.size() && is_json_blank(text_[at_])) ++at_;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

std::size_t json_value_length(std::string_view text) {
    JsonScanner scanner(text);
    return scanner.value(0) ? scanner.at() : 0;
}

std::string minify_json(std::string_view value) {
    std::string out;
    out.reserve(value.size());
    bool in_string = false;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        if (!in_string && is_json_blank(c)) continue;
        out += c;
        if (in_string && c == '\\' && i + 1 < value.size())
            out += value[++i];
        else if (c == '"')
            in_string = !in_string;
    }
    return out;
}

}  // namespace starglass

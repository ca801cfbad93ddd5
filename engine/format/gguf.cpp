// SPDX-License-Identifier: MIT
#include "format/gguf.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace starglass {

namespace {

constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"

// The least bytes an entry can take: bounds what a count can honestly claim.
constexpr std::uint64_t kMetadataBytesMin = 8 + 4 + 1;            // key length, type, u8
constexpr std::uint64_t kTensorBytesMin = 8 + 4 + 8 + 4 + 8;      // name length ... offset
constexpr std::uint64_t kStringBytesMin = sizeof(std::uint64_t);  // the length

bool is_known(GgufType type) {
    return type <= GgufType::f64;
}

// 0 for types whose size depends on their content.
std::uint64_t scalar_bytes(GgufType type) {
    switch (type) {
        case GgufType::u8:
        case GgufType::i8:
        case GgufType::boolean:
            return 1;
        case GgufType::u16:
        case GgufType::i16:
            return 2;
        case GgufType::u32:
        case GgufType::i32:
        case GgufType::f32:
            return 4;
        case GgufType::u64:
        case GgufType::i64:
        case GgufType::f64:
            return 8;
        case GgufType::string:
        case GgufType::array:
            break;
    }
    return 0;
}

std::string type_of(const GgufValue& value) {
    if (value.type != GgufType::array) return std::string(name_of(value.type));
    return fmt::format("array of {}", name_of(value.element_type));
}

template <class Item>
std::vector<std::uint32_t> order_by_name(const std::vector<Item>& items,
                                         std::string_view Item::*name) {
    std::vector<std::uint32_t> order(items.size());
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        const int difference = (items[a].*name).compare(items[b].*name);
        return difference != 0 ? difference < 0 : a < b;
    });
    return order;
}

template <class Item>
const Item* find_by_name(const std::vector<Item>& items, const std::vector<std::uint32_t>& order,
                         std::string_view Item::*name, std::string_view wanted) {
    const auto at = std::lower_bound(
        order.begin(), order.end(), wanted,
        [&](std::uint32_t index, std::string_view key) { return items[index].*name < key; });
    if (at == order.end() || items[*at].*name != wanted) return nullptr;
    return &items[*at];
}

}  // namespace

// Reads front to back once; each step either leaves checked facts in `gguf_` or an error.
class GgufParser {
public:
    explicit GgufParser(std::span<const std::byte> bytes) : bytes_(bytes), reader_(bytes) {}

    Result<Gguf> parse() {
        TRY_STATUS(read_header());
        for (std::uint64_t i = 0; i < metadata_count_; ++i) TRY_STATUS(read_metadata(i));
        gguf_.metadata_order_ = order_by_name(gguf_.metadata_, &GgufValue::key);
        TRY_STATUS(choose_alignment());
        // Checked again: the metadata may have eaten the bytes the header promised to tensors.
        TRY_STATUS(check_count("tensors", tensor_count_, kTensorBytesMin));
        for (std::uint64_t i = 0; i < tensor_count_; ++i) TRY_STATUS(read_tensor(i));
        gguf_.tensor_order_ = order_by_name(gguf_.tensors_, &GgufTensor::name);
        TRY_STATUS(locate_tensors());
        return std::move(gguf_);
    }

private:
    Status read_header() {
        if (bytes_.size() < Gguf::kHeaderBytesMin)
            return fail(ErrorCode::invalid_input,
                        "the file has only {} bytes, too few for a GGUF header; it is truncated "
                        "or not a model file",
                        bytes_.size());
        std::uint32_t magic = 0;
        std::uint32_t version = 0;
        const bool complete = reader_.read(magic) && reader_.read(version) &&
                              reader_.read(tensor_count_) && reader_.read(metadata_count_);
        if (!complete) return fail(ErrorCode::internal, "the GGUF header could not be read");
        if (magic != kMagic)
            return fail(ErrorCode::invalid_input,
                        "the file does not begin with 'GGUF'; it is not a GGUF model");
        if (version != Gguf::kVersion) {
            const bool swapped = version == 0x03000000U;
            return fail(ErrorCode::unsupported,
                        "the file has GGUF version {}{}, but only version {} can be read; convert "
                        "it again with a current tool",
                        version, swapped ? " (it is stored big endian)" : "", Gguf::kVersion);
        }
        TRY_STATUS(check_count("metadata keys", metadata_count_, kMetadataBytesMin));
        return check_count("tensors", tensor_count_, kTensorBytesMin);
    }

    Status check_count(std::string_view what, std::uint64_t count,
                       std::uint64_t bytes_each_min) const {
        if (count <= reader_.remaining() / bytes_each_min &&
            count <= std::numeric_limits<std::uint32_t>::max())
            return {};
        return fail(ErrorCode::invalid_input,
                    "the header announces {} {}, more than the file's {} bytes can hold; the file "
                    "is truncated or damaged",
                    count, what, bytes_.size());
    }

    Status read_metadata(std::uint64_t index) {
        GgufValue value;
        const std::uint64_t start = reader_.position();
        if (!reader_.read_string(value.key))
            return fail(ErrorCode::invalid_input,
                        "the name of metadata key number {} of {}, at byte {}, runs past the end "
                        "of the file ({} bytes); the file is truncated or damaged",
                        index + 1, metadata_count_, start, bytes_.size());
        std::uint32_t type = 0;
        if (!reader_.read(type)) return value_past_end(value.key);
        value.type = static_cast<GgufType>(type);
        if (!is_known(value.type))
            return fail(ErrorCode::invalid_input,
                        "metadata key '{}' has the unknown type {}; the file is damaged or newer "
                        "than GGUF version 3",
                        printable(value.key), type);
        if (value.type == GgufType::string) {
            std::string_view text;
            if (!reader_.read_string(text)) return value_past_end(value.key);
            value.payload = std::as_bytes(std::span(text));
        } else if (value.type == GgufType::array) {
            TRY_STATUS(read_array(value));
        } else if (!reader_.read_bytes(scalar_bytes(value.type), value.payload)) {
            return value_past_end(value.key);
        }
        gguf_.metadata_.push_back(value);
        return {};
    }

    Status read_array(GgufValue& value) {
        // The element type and count of the outermost array are what a caller sees; the payload
        // begins behind them.
        std::uint32_t type = 0;
        std::uint64_t count = 0;
        ByteReader ahead = reader_;
        if (ahead.read(type) && ahead.read(count)) {
            value.element_type = static_cast<GgufType>(type);
            value.count = count;
        }
        TRY_STATUS(skip_array(value.key, 1));
        value.payload = bytes_.subspan(ahead.position(), reader_.position() - ahead.position());
        return {};
    }

    // Recursion ends at kArrayDepthMax. Every element consumes bytes, so the work is bounded by
    // the file and not by a count.
    Status skip_array(std::string_view key, int depth) {
        if (depth > Gguf::kArrayDepthMax)
            return fail(ErrorCode::invalid_input,
                        "metadata key '{}' nests arrays deeper than {}; the file is damaged",
                        printable(key), Gguf::kArrayDepthMax);
        std::uint32_t type_id = 0;
        std::uint64_t count = 0;
        if (!reader_.read(type_id) || !reader_.read(count)) return value_past_end(key);
        const auto type = static_cast<GgufType>(type_id);
        if (!is_known(type))
            return fail(ErrorCode::invalid_input,
                        "metadata key '{}' is an array of the unknown type {}; the file is damaged "
                        "or newer than GGUF version 3",
                        printable(key), type_id);
        if (const std::uint64_t bytes_each = scalar_bytes(type); bytes_each != 0) {
            if (count > reader_.remaining() / bytes_each || !reader_.skip(count * bytes_each))
                return array_past_end(key, type, count);
            return {};
        }
        if (count > reader_.remaining() / kStringBytesMin) return array_past_end(key, type, count);
        for (std::uint64_t i = 0; i < count; ++i) {
            if (type == GgufType::array) {
                TRY_STATUS(skip_array(key, depth + 1));
            } else if (std::string_view text; !reader_.read_string(text)) {
                return fail(ErrorCode::invalid_input,
                            "metadata key '{}': string number {} of {} runs past the end of the "
                            "file ({} bytes); the file is truncated or damaged",
                            printable(key), i + 1, count, bytes_.size());
            }
        }
        return {};
    }

    Status choose_alignment() {
        constexpr std::string_view kKey = "general.alignment";
        const std::uint32_t asked = gguf_.u32(kKey).value_or(0);
        if (asked == 0) return {};  // absent, of another type, or zero: the default (spec 1.1)
        if (!std::has_single_bit(asked) || asked < Gguf::kAlignmentMin ||
            asked > Gguf::kAlignmentMax)
            return fail(ErrorCode::invalid_input,
                        "metadata key '{}' is {}, but it must be a power of two from {} to {}",
                        kKey, asked, Gguf::kAlignmentMin, Gguf::kAlignmentMax);
        gguf_.alignment_ = asked;
        return {};
    }

    Status read_tensor(std::uint64_t index) {
        GgufTensor tensor;
        const std::uint64_t start = reader_.position();
        if (!reader_.read_string(tensor.name))
            return fail(ErrorCode::invalid_input,
                        "the name of tensor number {} of {}, at byte {}, runs past the end of the "
                        "file ({} bytes); the file is truncated or damaged",
                        index + 1, tensor_count_, start, bytes_.size());
        std::uint32_t dim_count = 0;
        if (!reader_.read(dim_count)) return directory_past_end(tensor.name);
        if (dim_count == 0 || dim_count > kGgufDimsMax)
            return fail(ErrorCode::invalid_input,
                        "tensor '{}' has {} dimensions, but must have 1 to {}; the file is damaged",
                        printable(tensor.name), dim_count, kGgufDimsMax);
        tensor.dim_count = static_cast<int>(dim_count);
        for (std::uint32_t i = 0; i < dim_count; ++i)
            if (!reader_.read(tensor.dims[i])) return directory_past_end(tensor.name);
        if (!reader_.read(tensor.type_id) || !reader_.read(tensor.offset))
            return directory_past_end(tensor.name);
        TRY_STATUS(measure(tensor));
        gguf_.tensors_.push_back(tensor);
        return {};
    }

    Status measure(GgufTensor& tensor) const {
        std::int64_t elements = 1;
        for (const std::int64_t dim : tensor.shape())
            if (dim < 0 || __builtin_mul_overflow(elements, dim, &elements))
                return fail(ErrorCode::invalid_input,
                            "tensor '{}' of shape [{}] has more elements than can be counted; the "
                            "file is damaged",
                            printable(tensor.name), joined(tensor));
        const auto traits = find_data_type(tensor.type_id);
        if (!traits) return {};
        tensor.type = traits->type;
        const std::int64_t blocks = tensor.dims[0] / traits->block_elements +
                                    (tensor.dims[0] % traits->block_elements != 0 ? 1 : 0);
        std::int64_t bytes = 0;
        bool overflow = __builtin_mul_overflow(blocks, traits->block_bytes, &bytes);
        for (const std::int64_t dim : tensor.shape().subspan(1))
            overflow = overflow || __builtin_mul_overflow(bytes, dim, &bytes);
        if (overflow)
            return fail(ErrorCode::invalid_input,
                        "tensor '{}' of shape [{}] has more bytes than can be counted; the file is "
                        "damaged",
                        printable(tensor.name), joined(tensor));
        tensor.bytes = static_cast<std::uint64_t>(bytes);
        return {};
    }

    Status locate_tensors() {
        // No overflow: the position is inside a file that fits into memory.
        const std::uint64_t mask = gguf_.alignment_ - 1;
        gguf_.data_start_ = (reader_.position() + mask) & ~mask;
        for (GgufTensor& tensor : gguf_.tensors_) {
            if ((tensor.offset & mask) != 0)
                return fail(ErrorCode::invalid_input,
                            "tensor '{}' has the offset {}, which is not a multiple of the file's "
                            "alignment {}; the file is damaged",
                            printable(tensor.name), tensor.offset, gguf_.alignment_);
            std::uint64_t end = 0;
            if (__builtin_add_overflow(gguf_.data_start_, tensor.offset, &tensor.offset) ||
                __builtin_add_overflow(tensor.offset, tensor.bytes, &end))
                return fail(ErrorCode::invalid_input,
                            "tensor '{}' ends beyond any file size; the file is damaged",
                            printable(tensor.name));
            if (end > bytes_.size())
                return fail(ErrorCode::invalid_input,
                            "tensor '{}' ends at byte {}, but the file has {} bytes; the file is "
                            "truncated, download it again",
                            printable(tensor.name), end, bytes_.size());
            tensor.data = bytes_.subspan(tensor.offset, tensor.bytes);
        }
        return {};
    }

    static std::string joined(const GgufTensor& tensor) {
        std::string text;
        for (const std::int64_t dim : tensor.shape())
            text += fmt::format("{}{}", text.empty() ? "" : ", ", static_cast<std::uint64_t>(dim));
        return text;
    }

    [[nodiscard]] tl::unexpected<Error> value_past_end(std::string_view key) const {
        return fail(ErrorCode::invalid_input,
                    "the value of metadata key '{}' runs past the end of the file ({} bytes); the "
                    "file is truncated or damaged",
                    printable(key), bytes_.size());
    }

    [[nodiscard]] tl::unexpected<Error> array_past_end(std::string_view key, GgufType type,
                                                       std::uint64_t count) const {
        return fail(ErrorCode::invalid_input,
                    "metadata key '{}' announces {} elements of type {}, more than the file's {} "
                    "bytes can hold; the file is truncated or damaged",
                    printable(key), count, name_of(type), bytes_.size());
    }

    [[nodiscard]] tl::unexpected<Error> directory_past_end(std::string_view name) const {
        return fail(ErrorCode::invalid_input,
                    "the directory entry of tensor '{}' runs past the end of the file ({} bytes); "
                    "the file is truncated or damaged",
                    printable(name), bytes_.size());
    }

    std::span<const std::byte> bytes_;
    ByteReader reader_;
    std::uint64_t tensor_count_ = 0;
    std::uint64_t metadata_count_ = 0;
    Gguf gguf_;
};

Result<Gguf> Gguf::parse(std::span<const std::byte> bytes) {
    return GgufParser(bytes).parse();
}

const GgufValue* Gguf::find_value(std::string_view key) const {
    return find_by_name(metadata_, metadata_order_, &GgufValue::key, key);
}

const GgufTensor* Gguf::find_tensor(std::string_view name) const {
    return find_by_name(tensors_, tensor_order_, &GgufTensor::name, name);
}

std::optional<std::uint32_t> Gguf::u32(std::string_view key) const {
    const GgufValue* value = find_value(key);
    if (value == nullptr || value->type != GgufType::u32) return std::nullopt;
    return load_unaligned<std::uint32_t>(value->payload.data());
}

std::optional<std::uint64_t> Gguf::u64_or_u32(std::string_view key) const {
    const GgufValue* value = find_value(key);
    if (value != nullptr && value->type == GgufType::u64)
        return load_unaligned<std::uint64_t>(value->payload.data());
    return u32(key);
}

std::optional<float> Gguf::f32_like(std::string_view key) const {
    const GgufValue* value = find_value(key);
    if (value == nullptr) return std::nullopt;
    const std::byte* data = value->payload.data();
    switch (value->type) {
        case GgufType::f32:
            return load_unaligned<float>(data);
        case GgufType::u32:
            return static_cast<float>(load_unaligned<std::uint32_t>(data));
        case GgufType::i32:
            return static_cast<float>(load_unaligned<std::int32_t>(data));
        case GgufType::f64: {
            // Converting a double outside float's range is undefined; call it what it is.
            const double wide = load_unaligned<double>(data);
            if (std::abs(wide) > std::numeric_limits<float>::max())
                return std::copysign(std::numeric_limits<float>::infinity(),
                                     static_cast<float>(std::signbit(wide) ? -1 : 1));
            return static_cast<float>(wide);
        }
        default:
            return std::nullopt;
    }
}

std::optional<bool> Gguf::boolean(std::string_view key) const {
    const GgufValue* value = find_value(key);
    if (value == nullptr || value->type != GgufType::boolean) return std::nullopt;
    return value->payload[0] != std::byte{0};
}

std::optional<std::string_view> Gguf::string(std::string_view key) const {
    const GgufValue* value = find_value(key);
    if (value == nullptr || value->type != GgufType::string) return std::nullopt;
    return std::string_view(reinterpret_cast<const char*>(value->payload.data()),
                            value->payload.size());
}

namespace {

// Why a lookup came back empty: the key is not there, or is something else.
tl::unexpected<Error> explain(const GgufValue* value, std::string_view key,
                              std::string_view expected) {
    if (value == nullptr)
        return fail(ErrorCode::not_found, "metadata key '{}' is missing", printable(key));
    return fail(ErrorCode::invalid_input, "metadata key '{}' has type {}, expected {}",
                printable(key), type_of(*value), expected);
}

bool is_array_of(const GgufValue* value, std::initializer_list<GgufType> types) {
    return value != nullptr && value->type == GgufType::array &&
           std::find(types.begin(), types.end(), value->element_type) != types.end();
}

}  // namespace

Result<std::uint32_t> Gguf::require_u32(std::string_view key) const {
    if (const auto value = u32(key)) return *value;
    return explain(find_value(key), key, "u32");
}

Result<std::uint64_t> Gguf::require_u64_or_u32(std::string_view key) const {
    if (const auto value = u64_or_u32(key)) return *value;
    return explain(find_value(key), key, "u64 or u32");
}

Result<float> Gguf::require_f32_like(std::string_view key) const {
    const auto value = f32_like(key);
    if (!value) return explain(find_value(key), key, "f32");
    if (!std::isfinite(*value))
        return fail(ErrorCode::invalid_input, "metadata key '{}' is {}, expected a finite number",
                    printable(key), *value);
    return *value;
}

Result<bool> Gguf::require_boolean(std::string_view key) const {
    if (const auto value = boolean(key)) return *value;
    return explain(find_value(key), key, "bool");
}

Result<std::string_view> Gguf::require_string(std::string_view key) const {
    if (const auto value = string(key)) return *value;
    return explain(find_value(key), key, "string");
}

Result<GgufStrings> Gguf::require_strings(std::string_view key) const {
    const GgufValue* value = find_value(key);
    if (is_array_of(value, {GgufType::string})) return GgufStrings(*value);
    return explain(value, key, "array of string");
}

Result<GgufInts> Gguf::require_ints(std::string_view key) const {
    const GgufValue* value = find_value(key);
    if (is_array_of(value, {GgufType::i32, GgufType::u32})) return GgufInts(*value);
    return explain(value, key, "array of i32 or u32");
}

Result<GgufFloats> Gguf::require_floats(std::string_view key) const {
    const GgufValue* value = find_value(key);
    if (is_array_of(value, {GgufType::f32, GgufType::f64})) return GgufFloats(*value);
    return explain(value, key, "array of f32 or f64");
}

Result<const GgufTensor*> Gguf::require_tensor(std::string_view name) const {
    const GgufTensor* tensor = find_tensor(name);
    if (tensor == nullptr)
        return fail(ErrorCode::not_found, "tensor '{}' is missing", printable(name));
    if (!tensor->type)
        return fail(ErrorCode::unsupported,
                    "tensor '{}' has the ggml type {}, which this build does not know",
                    printable(name), tensor->type_id);
    return tensor;
}

std::uint64_t GgufTensor::elements() const {
    std::uint64_t count = 1;
    for (const std::int64_t dim : shape()) count *= static_cast<std::uint64_t>(dim);
    return count;
}

std::string GgufTensor::type_name() const {
    return type ? std::string(traits_of(*type).name) : fmt::format("type {}", type_id);
}

std::string_view name_of(GgufType type) {
    constexpr std::array<std::string_view, 13> kNames{"u8",  "i8",  "u16",  "i16",    "u32",
                                                      "i32", "f32", "bool", "string", "array",
                                                      "u64", "i64", "f64"};
    const auto index = static_cast<std::size_t>(type);
    return index < kNames.size() ? kNames[index] : "unknown";
}

std::string printable(std::string_view text) {
    constexpr std::size_t kShown = 80;
    std::string out;
    for (const char c : text.substr(0, kShown)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7F && c != '\'' && c != '\\')
            out += c;
        else
            out += fmt::format("\\x{:02x}", byte);
    }
    if (text.size() > kShown) out += "...";
    return out;
}

namespace {

std::string describe_scalar(GgufType type, const std::byte* data) {
    switch (type) {
        case GgufType::u8:
            return fmt::format("{}", load_unaligned<std::uint8_t>(data));
        case GgufType::i8:
            return fmt::format("{}", load_unaligned<std::int8_t>(data));
        case GgufType::u16:
            return fmt::format("{}", load_unaligned<std::uint16_t>(data));
        case GgufType::i16:
            return fmt::format("{}", load_unaligned<std::int16_t>(data));
        case GgufType::u32:
            return fmt::format("{}", load_unaligned<std::uint32_t>(data));
        case GgufType::i32:
            return fmt::format("{}", load_unaligned<std::int32_t>(data));
        case GgufType::f32:
            return fmt::format("{}", load_unaligned<float>(data));
        case GgufType::boolean:
            return *data != std::byte{0} ? "true" : "false";
        case GgufType::u64:
            return fmt::format("{}", load_unaligned<std::uint64_t>(data));
        case GgufType::i64:
            return fmt::format("{}", load_unaligned<std::int64_t>(data));
        case GgufType::f64:
            return fmt::format("{}", load_unaligned<double>(data));
        case GgufType::string:
        case GgufType::array:
            break;
    }
    return "";
}

}  // namespace

std::string describe(const GgufValue& value) {
    constexpr std::uint64_t kShown = 8;
    if (value.type == GgufType::string)
        return printable(
            {reinterpret_cast<const char*>(value.payload.data()), value.payload.size()});
    if (value.type != GgufType::array) return describe_scalar(value.type, value.payload.data());

    std::string out = fmt::format("{} × {} [", value.count, name_of(value.element_type));
    const std::uint64_t shown = std::min(value.count, kShown);
    if (value.element_type == GgufType::string) {
        auto at = GgufStrings(value).begin();
        for (std::uint64_t i = 0; i < shown; ++i, ++at)
            out += fmt::format("{}'{}'", i == 0 ? "" : ", ", printable(*at));
    } else if (const std::uint64_t bytes_each = scalar_bytes(value.element_type); bytes_each != 0) {
        for (std::uint64_t i = 0; i < shown; ++i)
            out += fmt::format(
                "{}{}", i == 0 ? "" : ", ",
                describe_scalar(value.element_type, value.payload.data() + i * bytes_each));
    }
    return out + (value.count > shown ? ", ...]" : "]");
}

}  // namespace starglass

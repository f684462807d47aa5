#include "protocol/dump_payload.h"

#include <array>
#include <charconv>
#include <limits>

#include "protocol/lzf.h"
#include "protocol/parse_integer.h"

namespace strata::protocol {
namespace {

constexpr char kStringType = 0;
// The two highest bits of a length's first byte.
constexpr unsigned kLength6 = 0;
constexpr unsigned kLength14 = 1;
constexpr unsigned kLengthWord = 2;  // in the bytes that follow, of as many as the other bits say
constexpr unsigned kEncoded = 3;     // no length: the other bits say how the value is stored
constexpr unsigned char kLength32 = 0x80;
constexpr unsigned char kLength64 = 0x81;
constexpr std::size_t kInteger8 = 0;
constexpr std::size_t kInteger16 = 1;
constexpr std::size_t kInteger32 = 2;
constexpr std::size_t kLzf = 3;
// What is longer is no number of 32 bits.
constexpr std::size_t kMostNumberDigits = 11;

void append_little_endian(std::string& text, std::uint64_t number, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) text.push_back(static_cast<char>(number >> (8 * i)));
}

void append_big_endian(std::string& text, std::uint64_t number, std::size_t bytes) {
  for (std::size_t i = bytes; i-- > 0;) text.push_back(static_cast<char>(number >> (8 * i)));
}

std::uint64_t little_endian(std::string_view bytes) noexcept {
  std::uint64_t number = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) number = number << 8U | static_cast<unsigned char>(bytes[i]);
  return number;
}

// As many bytes as hold the number, in the encoding of that name; nothing if 4 do not.
std::optional<std::size_t> integer_encoding(std::int64_t number) noexcept {
  if (number >= std::numeric_limits<std::int8_t>::min() && number <= std::numeric_limits<std::int8_t>::max()) return kInteger8;
  if (number >= std::numeric_limits<std::int16_t>::min() && number <= std::numeric_limits<std::int16_t>::max()) return kInteger16;
  if (number >= std::numeric_limits<std::int32_t>::min() && number <= std::numeric_limits<std::int32_t>::max()) return kInteger32;
  return std::nullopt;
}

void append_length(std::string& text, std::size_t length) {
  if (length < (1U << 6U)) {
    text.push_back(static_cast<char>(length));
  } else if (length < (1U << 14U)) {
    append_big_endian(text, length | (std::uint64_t{kLength14} << 14U), 2);
  } else {
    text.push_back(static_cast<char>(kLength32));
    append_big_endian(text, length, 4);
  }
}

// Takes values off the front of what is left; once something was cut off all of it is.
class Reader {
 public:
  explicit Reader(std::string_view bytes) noexcept : rest_(bytes) {}

  [[nodiscard]] bool is_good() const noexcept { return good_; }
  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

  std::string_view take(std::uint64_t bytes) noexcept {
    good_ = good_ && bytes <= rest_.size();
    if (!good_) return {};
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }

  struct Length {
    std::uint64_t number = 0;
    bool is_encoding = false;
  };
  Length length() noexcept {
    const std::string_view byte = take(1);
    const unsigned first = byte.empty() ? 0U : static_cast<unsigned char>(byte[0]);
    switch (first >> 6U) {
      case kLength6: return {.number = first & 0x3fU};
      case kLength14: return {.number = std::uint64_t{first & 0x3fU} << 8U | big_endian(1)};
      case kLengthWord: return {.number = word(first)};
      default: return {.number = first & 0x3fU, .is_encoding = true};
    }
  }

 private:
  std::uint64_t big_endian(std::size_t bytes) noexcept {
    std::uint64_t number = 0;
    for (const char byte : take(bytes)) number = number << 8U | static_cast<unsigned char>(byte);
    return number;
  }
  std::uint64_t word(unsigned first) noexcept {
    good_ = good_ && (first == kLength32 || first == kLength64);
    return good_ ? big_endian(first == kLength32 ? 4 : 8) : 0;
  }

  std::string_view rest_;
  bool good_ = true;
};

std::string decimal(std::string_view little_endian_bytes) {
  const auto unused = static_cast<unsigned>(64 - 8 * little_endian_bytes.size());
  const std::int64_t number = static_cast<std::int64_t>(little_endian(little_endian_bytes) << unused) >> unused;
  std::array<char, 24> digits;
  const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  return {digits.data(), static_cast<std::size_t>(end - digits.data())};
}

}  // namespace

DumpHeader dump_header(std::string_view value) {
  DumpHeader header;
  header.bytes.push_back(kStringType);
  const auto number = value.size() <= kMostNumberDigits ? parse_integer(value) : std::nullopt;
  const auto encoding = number ? integer_encoding(*number) : std::nullopt;
  if (encoding) {
    header.holds_value = true;
    header.bytes.push_back(static_cast<char>(kEncoded << 6U | *encoding));
    append_little_endian(header.bytes, static_cast<std::uint64_t>(*number), std::size_t{1} << *encoding);
  } else {
    append_length(header.bytes, value.size());
  }
  return header;
}

std::string dump_footer(std::uint64_t crc) {
  std::string footer;
  append_little_endian(footer, crc, 8);
  return footer;
}

std::optional<DumpParts> dump_parts(std::string_view payload) noexcept {
  if (payload.size() < kDumpFooterBytes) return std::nullopt;
  const std::string_view footer = payload.substr(payload.size() - kDumpFooterBytes);
  if (little_endian(footer.substr(0, 2)) > kNewestDumpVersion) return std::nullopt;
  return DumpParts{.summed = payload.substr(0, payload.size() - 8),
                   .content = payload.substr(0, payload.size() - kDumpFooterBytes),
                   .crc = little_endian(footer.substr(2))};
}

void DumpedString::write_to(char* destination) const noexcept {
  if (is_compressed) return lzf_unpack(bytes, destination);
  (number.empty() ? bytes : std::string_view(number)).copy(destination, size);
}

std::optional<DumpedString> dumped_string(std::string_view content, std::size_t most_bytes) {
  Reader reader(content);
  const std::string_view type = reader.take(1);
  if (type.empty() || type[0] != kStringType) return std::nullopt;
  DumpedString string;
  const Reader::Length length = reader.length();
  if (!length.is_encoding) {
    string.bytes = reader.take(length.number);
    string.size = string.bytes.size();
  } else if (length.number <= kInteger32) {
    const std::string_view number = reader.take(std::size_t{1} << length.number);
    if (!reader.is_good()) return std::nullopt;
    string.number = decimal(number);
    string.size = string.number.size();
  } else if (length.number == kLzf) {
    const Reader::Length compressed = reader.length();
    const Reader::Length unpacked = reader.length();
    string.bytes = reader.take(compressed.number);
    string.size = unpacked.number;
    string.is_compressed = true;
    if (compressed.is_encoding || unpacked.is_encoding || string.size > most_bytes || !lzf_holds(string.bytes, string.size))
      return std::nullopt;
  } else {
    return std::nullopt;
  }
  if (!reader.is_good() || !reader.at_end() || string.size > most_bytes) return std::nullopt;
  return string;
}

}  // namespace strata::protocol

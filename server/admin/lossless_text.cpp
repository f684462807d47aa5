#include "server/admin/lossless_text.h"

#include <cstdint>

#include "config/printable_text.h"

namespace strata::server::admin {

boost::json::value lossless(std::string_view bytes) {
  if (config::is_utf8(bytes)) return boost::json::value(bytes);
  return {{"base64", base64(bytes)}};
}

// RFC 4648, section 4.
std::string base64(std::string_view bytes) {
  static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = bytes.size() - i < 3 ? bytes.size() - i : 3;
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8U | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) text += k <= count ? kDigits[group >> (18 - 6 * k) & 0x3FU] : '=';
  }
  return text;
}

}  // namespace strata::server::admin

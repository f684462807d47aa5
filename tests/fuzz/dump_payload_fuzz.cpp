#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "protocol/crc64.h"
#include "protocol/dump_payload.h"

// What RESTORE is given: any bytes behind a footer that is right, and without one. A value that is read must come back when it is written again.
namespace {

using namespace strata::protocol;

constexpr std::size_t kMostBytes = 1U << 20U;

std::string sealed(std::string payload) {
  payload.push_back(static_cast<char>(kDumpVersion));
  payload.push_back('\0');
  return payload + dump_footer(crc64(0, payload));
}

std::string value_of(const DumpedString& string) {
  std::string value(string.size, '\0');
  string.write_to(value.data());
  return value;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  (void)dump_parts(input);
  const std::string payload = sealed(input);
  const auto parts = dump_parts(payload);
  if (!parts || parts->crc != crc64(0, parts->summed) || parts->content != input) {
    std::cerr << "a footer that was written is not read\n";
    std::abort();
  }
  const auto string = dumped_string(parts->content, kMostBytes);
  if (!string) return 0;
  const std::string value = value_of(*string);
  const DumpHeader header = dump_header(value);
  const std::string again = header.bytes + (header.holds_value ? "" : value);
  const auto reread = dumped_string(again, kMostBytes);
  if (!reread || value_of(*reread) != value) {
    std::cerr << "a value of " << value.size() << " bytes does not come back\n";
    std::abort();
  }
  return 0;
}

// Write-through: the source is changed first, then the cache; both end with the same value, and a failing write leaves nothing stale.
#include <strata/cache.hpp>

#include <cstdio>
#include <map>
#include <string>
#include <string_view>

int main() {
  strata::cache cache(std::uint64_t{16} << 20U);
  std::map<std::string, std::string, std::less<>> source;
  bool source_works = true;
  const auto write = [&](std::string_view key, std::string_view value) {
    if (source_works) source.insert_or_assign(std::string(key), std::string(value));
    return source_works;
  };
  const auto show = [&] {
    std::printf("source: %s, cache: %s\n", source["price"].c_str(), cache.get("price").value_or("nothing").c_str());
  };

  cache.put_through("price", "12", write);
  show();
  source_works = false;
  std::printf("%s\n", strata_status_text(cache.put_through("price", "15", write)));
  show();
  return 0;
}

// Write-behind: the cache has a write at once, the source soon and in batches; of a key that is written often it gets the last value.
#include <strata/cache.hpp>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

int main() {
  strata::cache cache(std::uint64_t{16} << 20U);
  std::map<std::string, std::string> source;
  bool source_works = false;  // at first it can not be reached
  const auto write = [&](const std::vector<strata::write_behind::change>& changes) {
    if (!source_works) return false;
    for (const auto& [key, value] : changes) {
      if (value) {
        source[std::string(key)] = std::string(*value);
      } else {
        source.erase(std::string(key));
      }
    }
    return true;
  };
  {
    strata::write_behind queue(cache, write);
    for (int i = 1; i <= 1000; ++i) queue.put("counter", std::to_string(i));
    queue.put("mode", "fast");
    queue.remove("mode");
    std::printf("cache: %s, source reached: %s\n", queue.get("counter")->c_str(),
                queue.flush(std::chrono::milliseconds(20)) ? "yes" : "no");
    source_works = true;
    queue.flush(std::chrono::milliseconds(60000));
  }
  std::printf("source: counter %s, %zu keys\n", source["counter"].c_str(), source.size());
  return 0;
}

// Read-through: the cache asks the source itself, once for a key however many threads want it.
#include <strata/cache.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

int main() {
  strata::cache cache(std::uint64_t{16} << 20U);
  std::atomic<int> questions{0};
  const auto ask = [&](std::string_view key) -> std::optional<std::string> {
    ++questions;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // a slow source
    if (key == "nobody") return std::nullopt;
    return "page of " + std::string(key);
  };

  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      if (cache.get_or_load("anna", ask) == "page of anna") ++right;
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("%d threads got it, questions to the source: %d\n", right.load(), questions.load());
  std::printf("nobody: %s\n", cache.get_or_load("nobody", ask) ? "found" : "not found");
  return 0;
}

// Gives a fuzz target its seeds and variants of them, the same in each run, where there is no fuzzer: that a target still builds and finds nothing in
// what is known. Which path is new it can not see.
//
//   <subject>_fuzz FOLDER
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr int kVariants = 5000;  // of each seed
constexpr std::size_t kMostBytes = 1U << 16U;

// What the target is working on, for whoever wants to make a seed of it.
const std::string* working_on = nullptr;

void tell_input(int signal) {
  constexpr std::string_view kBefore = "\ninput:\n";
  if (working_on != nullptr) {
    (void)!write(STDERR_FILENO, kBefore.data(), kBefore.size());
    (void)!write(STDERR_FILENO, working_on->data(), working_on->size());
  }
  (void)std::signal(signal, SIG_DFL);
  (void)std::raise(signal);
}

void give(const std::string& input) {
  working_on = &input;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  working_on = nullptr;
}

std::vector<std::string> seeds_of(const char* folder) {
  std::set<std::filesystem::path> paths;  // in an order that is always the same
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.insert(entry.path());
  std::vector<std::string> seeds;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return seeds;
}

class Variants {
 public:
  // Those of a seed are always the same, whatever other seeds there are.
  explicit Variants(const std::string& seed) {
    std::seed_seq sequence(seed.begin(), seed.end());
    random_.seed(sequence);
  }

  // One to four changes.
  std::string of(std::string input, const std::string& other) {
    for (std::size_t changes = 1 + below(4); changes > 0; --changes) change(input, other);
    return input;
  }

 private:
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }

  void change(std::string& input, const std::string& other) {
    const std::size_t at = below(input.size() + 1);
    const std::size_t count = below(input.size() - at + 1);
    switch (below(5)) {
      case 0:
        if (at < input.size()) input[at] = static_cast<char>(random_() & 0xFFU);
        return;
      case 1: input.erase(at, count); return;
      case 2:
        if (input.size() + count <= kMostBytes) input.insert(at, input.substr(at, count));
        return;
      case 3: input.insert(at, 1, static_cast<char>(random_() & 0xFFU)); return;
      default: input.replace(at, count, other.substr(below(other.size() + 1)));
    }
  }

  std::mt19937_64 random_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> seeds = argc == 2 ? seeds_of(argv[1]) : std::vector<std::string>();
  if (seeds.empty()) {
    std::cerr << "usage: " << argv[0] << " FOLDER, with a seed in it at least\n";
    return 2;
  }
  for (const int signal : {SIGABRT, SIGSEGV}) (void)std::signal(signal, tell_input);
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    Variants variants(seeds[i]);
    give(seeds[i]);
    for (int n = 0; n < kVariants; ++n) give(variants.of(seeds[i], seeds[(i + static_cast<std::size_t>(n)) % seeds.size()]));
  }
  std::cout << seeds.size() << " seeds, " << seeds.size() * kVariants << " variants\n";
  return 0;
}

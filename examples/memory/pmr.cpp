// A polymorphic memory resource: containers of the usual types, told at run time where their memory comes from.
#include <iostream>
#include <map>
#include <memory_resource>
#include <strata/memory.hpp>
#include <string>
#include <vector>

namespace {

// Knows nothing of Strata.
std::pmr::map<std::pmr::string, int> count_words(const std::vector<const char*>& words, std::pmr::memory_resource* memory) {
  std::pmr::map<std::pmr::string, int> counts(memory);
  for (const char* word : words) ++counts[std::pmr::string(word, memory)];
  return counts;
}

}  // namespace

int main() {
  strata::memory_resource memory;
  const auto counts = count_words({"to", "be", "or", "not", "to", "be"}, &memory);
  for (const auto& [word, count] : counts) std::cout << word << ' ' << count << '\n';
  std::cout << "from Strata: " << std::boolalpha << strata_owns(&*counts.begin()) << '\n';
}

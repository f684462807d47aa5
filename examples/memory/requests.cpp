// A heap for the time of one request: containers fill it, and its memory is free at once when the request is done.
#include <iostream>
#include <strata/memory.hpp>
#include <string>
#include <vector>

namespace {

using Text = std::basic_string<char, std::char_traits<char>, strata::allocator<char>>;
using Words = std::vector<Text, strata::allocator<Text>>;

Words split(const char* line, const strata::heap& memory) {
  Words words(memory);
  Text word(memory);
  for (; *line != '\0'; ++line) {
    if (*line != ' ') {
      word += *line;
      continue;
    }
    words.push_back(word);
    word.clear();
  }
  words.push_back(word);
  return words;
}

}  // namespace

int main() {
  strata::heap memory("requests", STRATA_HEAP_ARENA, 1 << 20);
  int served = 0;
  for (const char* line : {"GET a-key-of-some-length and-another", "SET a-key-of-some-length value 60"}) {
    {
      const Words words = split(line, memory);
      std::cout << words.front() << ": " << words.size() << " words, in the heap: " << std::boolalpha << memory.owns(words.data())
                << '\n';
    }
    // Nothing lies in it any more: the containers have ended.
    memory.reset();
    ++served;
  }
  std::cout << "served " << served << " requests, in use after them: " << memory.usage().used_bytes << " bytes\n";
  try {
    (void)memory.allocate(2 << 20);
  } catch (const std::bad_alloc&) {
    std::cout << "refused beyond the limit: " << strata_status_text(strata_last_error()->status) << '\n';
  }
}

// Containers and owning pointers of the C++ library, with memory of Strata's.
#include <iostream>
#include <strata/memory.hpp>
#include <string>
#include <vector>

int main() {
  // A container that takes its memory from Strata while the rest of the program goes on with malloc.
  std::vector<int, strata::allocator<int>> squares;
  for (int number = 1; number <= 10; ++number) squares.push_back(number * number);
  std::cout << "the last square: " << squares.back() << '\n';
  std::cout << "from Strata: " << std::boolalpha << strata_owns(squares.data()) << '\n';

  // One object, as large as a pointer.
  const strata::unique_ptr<std::string> text = strata::make_unique<std::string>("hello");
  std::cout << *text << ", " << sizeof text << " bytes\n";

  // Failures are the standard ones; the reason is one call away.
  try {
    squares.reserve(squares.max_size());
  } catch (const std::bad_alloc&) {
    std::cout << "failed: " << strata_status_text(strata_last_error()->status) << '\n';
  }
}

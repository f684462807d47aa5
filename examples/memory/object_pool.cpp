// Objects of one class in a pool, an arena for the time of one piece of work, and a container in a pool.
#include <iostream>
#include <memory_resource>
#include <strata/pool.hpp>
#include <string>
#include <vector>

namespace {

struct Connection {
  explicit Connection(int socket) : number(socket) {}
  int number;
  char buffer[500] = {};
};

strata_pool_options named(const char* name, strata_pool_kind kind) {
  strata_pool_options options = STRATA_POOL_OPTIONS_INIT;
  options.name = name;
  options.kind = kind;
  return options;
}

}  // namespace

int main() {
  strata::object_pool<Connection> connections(named("connections", STRATA_POOL_FIXED));
  Connection* const first = connections.make(7);
  Connection* const second = connections.make(8);
  std::cout << "connections " << first->number << " and " << second->number << ": " << connections.memory().info().block_count
            << " blocks of " << connections.memory().info().block_size << " bytes\n";
  connections.destroy(first);
  connections.destroy(second);

  strata::pool arena(named("work", STRATA_POOL_ARENA));
  {
    const strata::arena_scope work(arena);
    strata::pool_resource resource(arena);
    std::pmr::vector<std::pmr::string> words(&resource);
    for (const char* word : {"a word that is too long to lie in the string itself", "another one that does not fit there"})
      words.emplace_back(word);
    std::cout << words.size() << " words, in the arena: " << std::boolalpha << arena.owns(words.back().data()) << '\n';
  }
  std::cout << "in use after the work: " << arena.info().used_size << " bytes\n";

  strata_pool_options small = named("small", STRATA_POOL_SEGMENT);
  small.max_bytes = 1 << 20;
  strata::pool limited(small);
  try {
    (void)limited.allocate(2 << 20);
  } catch (const std::bad_alloc&) {
    std::cout << "2 MiB of a pool of 1 MiB: " << strata_status_text(strata_last_error()->status) << '\n';
  }
}

#include <gtest/gtest.h>
#include <strata/memory.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <memory_resource>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/engine/api/failure_record.h"

namespace strata::test {
namespace {

struct alignas(256) Wide {
  char bytes[300];
};

// Counts those that live.
struct Counted {
  explicit Counted(bool throws = false) {
    if (throws) throw std::runtime_error("as asked");
    ++live;
  }
  ~Counted() { --live; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  static inline int live = 0;
  char bytes[100] = {};
};

struct FirstBase {
  virtual ~FirstBase() = default;
  std::uint64_t first = 1;
};
struct SecondBase {
  virtual ~SecondBase() = default;
  std::uint64_t second = 2;
};
struct Both : FirstBase, SecondBase {
  Counted counted;
};

using Allocator = ApiTest;
using HeapWrapper = ApiTest;
using MemoryResource = ApiTest;
using UniquePtr = ApiTest;

TEST_F(Allocator, ServesContainers) {
  std::vector<int, allocator<int>> numbers(10'000, 7);
  numbers.resize(20'000);
  EXPECT_EQ(numbers[9'999], 7);
  EXPECT_TRUE(strata_owns(numbers.data()));
  using Text = std::basic_string<char, std::char_traits<char>, allocator<char>>;
  std::map<Text, int, std::less<>, allocator<std::pair<const Text, int>>> by_name;
  by_name[Text(100, 'x')] = 7;
  EXPECT_TRUE(strata_owns(&*by_name.begin()));
  EXPECT_TRUE(strata_owns(by_name.begin()->first.data()));
  std::list<Wide, allocator<Wide>> wide(3);
  for (const Wide& element : wide) EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&element) % alignof(Wide), 0U);
  expect_no_failure();
}

TEST_F(Allocator, KeepsWhatTheStandardAsksFor) {
  allocator<int> of_int;
  const allocator<Wide> of_wide(of_int);
  EXPECT_TRUE(of_int == of_wide);
  EXPECT_FALSE(of_int != of_wide);
  int* none = of_int.allocate(0);
  EXPECT_NE(none, nullptr);
  of_int.deallocate(none, 0);
  EXPECT_THROW((void)of_int.allocate(std::numeric_limits<std::size_t>::max() / 2), std::bad_array_new_length);
  EXPECT_THROW((void)of_int.allocate(std::size_t{1} << 58), std::bad_alloc);
  expect_failure(STRATA_OUT_OF_MEMORY, "strata_malloc", std::size_t{1} << 60);
}

TEST_F(HeapWrapper, OwnsItsMemory) {
  heap one("one", STRATA_HEAP_SIZE_CLASS, std::uint64_t{4} << 20);
  EXPECT_STREQ(one.name(), "one");
  EXPECT_EQ(one.usage().limit_bytes, std::uint64_t{4} << 20);
  void* block = one.allocate(100);
  EXPECT_TRUE(one.owns(block));
  EXPECT_GE(one.usage().used_bytes, 100U);
  one.deallocate(block);
  void* wide = one.allocate(10, 4096);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(wide) % 4096, 0U);
  one.reset();
  EXPECT_EQ(one.usage().used_bytes, 0U);
  EXPECT_THROW((void)one.allocate(std::size_t{5} << 20), std::bad_alloc);
  EXPECT_THROW(heap("none", static_cast<strata_heap_strategy>(3)), std::bad_alloc);
}

TEST_F(HeapWrapper, Moves) {
  heap one("one");
  const void* block = one.allocate(100);
  heap other(std::move(one));
  EXPECT_EQ(one.get(), nullptr);  // NOLINT(bugprone-use-after-move,clang-analyzer-cplusplus.Move)
  EXPECT_TRUE(other.owns(block));
  heap third("third");
  third = std::move(other);
  EXPECT_STREQ(third.name(), "one");
  EXPECT_TRUE(third.owns(block));
}

TEST_F(HeapWrapper, ServesContainersAndObjects) {
  const heap one("one");
  const heap two("two");
  std::vector<int, allocator<int>> numbers({1, 2, 3}, one);
  EXPECT_TRUE(one.owns(numbers.data()));
  EXPECT_NE(allocator<int>(one), allocator<int>(two));
  EXPECT_NE(allocator<int>(one), allocator<int>());
  EXPECT_EQ(allocator<int>(one), allocator<char>(one));
  std::vector<int, allocator<int>> copied(two);
  copied = numbers;
  EXPECT_TRUE(two.owns(copied.data())) << "a copy stays where it is";
  copied = std::move(numbers);
  EXPECT_TRUE(one.owns(copied.data())) << "a move takes the memory along";

  memory_resource from_one(one);
  memory_resource also_from_one(one);
  EXPECT_TRUE(from_one.is_equal(also_from_one));
  EXPECT_FALSE(from_one.is_equal(memory_resource(two)));
  EXPECT_FALSE(from_one.is_equal(memory_resource()));
  const std::pmr::vector<int> polymorphic(100, &from_one);
  EXPECT_TRUE(one.owns(polymorphic.data()));

  const auto used = two.usage().used_bytes;
  unique_ptr<Counted> object = make_unique_in<Counted>(two);
  EXPECT_TRUE(two.owns(object.get()));
  EXPECT_GT(two.usage().used_bytes, used);
  object.reset();
  EXPECT_EQ(two.usage().used_bytes, used);
}

TEST_F(MemoryResource, ServesContainers) {
  memory_resource resource;
  std::pmr::vector<std::pmr::string> texts(&resource);
  for (int number = 0; number < 100; ++number) texts.emplace_back(100, 'x');
  EXPECT_TRUE(strata_owns(texts.data()));
  EXPECT_TRUE(strata_owns(texts.back().data()));
  void* aligned = resource.allocate(10, 4096);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(aligned) % 4096, 0U);
  resource.deallocate(aligned, 10, 4096);
  // Small blocks are aligned to 8 unless more is asked for; of four in a row not all would be by chance.
  std::array<void*, 4> small{};
  for (void*& block : small) {
    block = resource.allocate(1, 16);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 16, 0U);
  }
  for (void* block : small) resource.deallocate(block, 1, 16);
  EXPECT_THROW((void)resource.allocate(std::size_t{1} << 60), std::bad_alloc);
}

TEST_F(MemoryResource, AreEqualAmongThemselves) {
  const memory_resource one;
  const memory_resource other;
  EXPECT_TRUE(one.is_equal(other));
  EXPECT_FALSE(one.is_equal(*std::pmr::new_delete_resource()));
}

TEST_F(UniquePtr, DestroysAndFrees) {
  static_assert(sizeof(unique_ptr<Counted>) == sizeof(void*));
  unique_ptr<Counted> object = strata::make_unique<Counted>();
  EXPECT_TRUE(strata_owns(object.get()));
  EXPECT_EQ(Counted::live, 1);
  const auto address = reinterpret_cast<std::uintptr_t>(object.get());
  object.reset();
  EXPECT_EQ(Counted::live, 0);
  object = strata::make_unique<Counted>();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(object.get()), address) << "the block was free again";
  const unique_ptr<Wide> wide = strata::make_unique<Wide>();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(wide.get()) % alignof(Wide), 0U);
}

TEST_F(UniquePtr, FreesWhatThrewWhileItWasMade) {
  const auto address = reinterpret_cast<std::uintptr_t>(strata::make_unique<Counted>().get());
  EXPECT_THROW((void)strata::make_unique<Counted>(true), std::runtime_error);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(strata::make_unique<Counted>().get()), address);
  EXPECT_EQ(Counted::live, 0);
}

TEST_F(UniquePtr, FreesThroughAnyBase) {
  const auto address = reinterpret_cast<std::uintptr_t>(strata::make_unique<Both>().get());
  unique_ptr<SecondBase> second = strata::make_unique<Both>();
  EXPECT_NE(reinterpret_cast<std::uintptr_t>(second.get()), address) << "it lies behind the first base";
  second.reset();
  EXPECT_EQ(Counted::live, 0);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(strata::make_unique<Both>().get()), address) << "the block was free again";
}

}  // namespace
}  // namespace strata::test

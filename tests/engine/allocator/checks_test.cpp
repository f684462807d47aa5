#include "engine/allocator/memory_checks.h"

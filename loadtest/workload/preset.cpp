#include "loadtest/workload/preset.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace strata::loadtest {

namespace {

// The logarithm of sizes deviates by about this much within a cache, as far as the published figures tell.
constexpr double kSizeSigma = 0.9;

// gets counts as get and cas as set: what they ask of a cache is the same. Shares are those published, normalised by use.
// clang-format off
constexpr std::array kPresets = {
    Preset{"cluster2", 21, 68, 1.4908, 0.0011, 0.0001, 0.0017, 0, 2, "get=100", "4d=0.59,2d=0.41"},
    Preset{"cluster4", 67, 2439, 1.1004, 0.0377, 0.2933, 0.3941, 0, 2, "get=93,set=7",
           "60s=0.39,300s=0.24,1h=0.13,600s=0.12,4h=0.09,1d=0.03"},
    Preset{"cluster7", 17, 1936, 1.0666, 0.0137, 0.0001, 0.2004, 85, 2, "get=82,set=18",
           "6480s=0.28,6120s=0.24,6840s=0.23,5760s=0.13,2h=0.12"},
    Preset{"cluster12", 44, 1030, 0.3048, 0.7945, 0.8143, 0.0058, 986, 2, "set=80,get=20", "300s=0.98,299s=0.02"},
    Preset{"cluster14", 96, 414, 1.2959, 0.0282, 0.1094, 0.1218, 8732, 1, "get=65,del=22,set=13", "1d=1"},
    Preset{"cluster19", 42, 101, 0.735, 0.212, 0.0746, 0.4549, 3448, 2, "get=75,set=25",
           "27000s=0.08,26640s=0.07,23760s=0.07,25920s=0.07,24120s=0.07,7h=0.07,25560s=0.07,24480s=0.07,24840s=0.07,26280s=0.06"},
    Preset{"cluster20", 26, 55, 1.3699, 0.0337, 0.6154, 0.0079, 2147, 3, "get=96,add=3", "5d=1"},
    Preset{"cluster24", 32, 699, 1.3726, 0.0074, 0.0565, 0.0087, 5071, 1, "get=99,set=1",
           "14d=0.71,60s=0.19,30d=0.03,1d=0.02,1h=0.02"},
    Preset{"cluster25", 49, 28, 0.9929, 0.0015, 0.0322, 0.0002, 327, 1, "get=97,add=2,set=2", "30d=1"},
    Preset{"cluster26", 122, 1745, 0.6299, 0.0772, 0.0011, 0.4469, 30, 3, "get=71,set=29",
           "60s=0.67,120s=0.10,360s=0.09,600s=0.06,660s=0.03,180s=0.02"},
    Preset{"cluster29", 36, 799, 1.2323, 0.0445, 0.2304, 0.2242, 891, 1, "get=86,set=13", "1h=0.67,2h=0.33"},
    Preset{"cluster37", 72, 20134, 0.4251, 0.2635, 0.1488, 0.5938, 551, 2, "set=37,get=63", "20s=0.91,300s=0.06,2h=0.02,600s=0.01"},
    Preset{"cluster45", 10, 120, 0.6372, 0.3507, 0.4874, 0.3685, 1046, 1, "add=15,get=85", "15d=1"},
    Preset{"cluster52", 20, 273, 1.2117, 0.0307, 0.1936, 0.0189, 12583, 1, "get=93,add=4,set=2", "1d=0.65,14d=0.27,12h=0.07"},
    Preset{"cluster54", 19, 246, 1.611, 0.1025, 0.5483, 0.0253, 457, 2, "get=97,set=3",
           "13680s=0.13,11880s=0.13,12240s=0.13,14040s=0.12,12600s=0.12,12960s=0.12,13320s=0.11,4h=0.07,11520s=0.06"},
};
// clang-format on

}  // namespace

std::span<const Preset> presets() { return kPresets; }

const Preset* find_preset(std::string_view name) {
  const auto* const found = std::find_if(kPresets.begin(), kPresets.end(), [name](const Preset& p) { return p.name == name; });
  return found == kPresets.end() ? nullptr : found;
}

void apply(const Preset& preset, WorkloadOptions& workload) {
  workload.preset = preset.name;
  workload.key_bytes = preset.key_bytes;
  if (workload.key_prefix.size() + 9 > preset.key_bytes) workload.key_prefix.clear();
  // A log-normal distribution has the mean exp(mu + sigma^2 / 2).
  const double mu = std::log(static_cast<double>(preset.value_bytes)) - kSizeSigma * kSizeSigma / 2;
  workload.value_size = fmt::format("lognormal:{:.4f}:{}", mu, kSizeSigma);
  workload.mix = preset.mix;
  workload.ttl = preset.ttl;
  workload.distribution = fmt::format("zipf:{}", preset.alpha);
  workload.one_hit_wonders = preset.compulsory_misses * preset.one_hit_wonders;
  workload.churn = preset.compulsory_misses * (1 - preset.one_hit_wonders);
  workload.stored_first = true;
}

}  // namespace strata::loadtest

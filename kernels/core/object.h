// What handles refer to.
#pragma once

namespace aerie {

struct Object {
    virtual ~Object() = default;
};

}  // namespace aerie

#include <cstring>

#include "cases.h"
#include "sim/report.h"

int main(int argc, char** argv) {
    for (const cases::Case* each = cases::first; each; each = each->next) {
        if (argc < 2) puts(each->name);
        if (argc < 2 || strcmp(each->name, argv[1]) != 0) continue;
        each->run();
        for (const auto& finding : aerie::sim::findings()) {
            printf("%s: %s\n", aerie::sim::name_of(finding.fault), finding.text.c_str());
        }
        puts("done");
        return 0;
    }
    return argc < 2 ? 0 : 2;
}

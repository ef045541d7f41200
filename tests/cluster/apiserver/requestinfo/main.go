// Says of request lines on standard input what the API server takes them for, one line each.
package main

import (
	"bufio"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"
)

func main() {
	factory := &request.RequestInfoFactory{
		APIPrefixes:          sets.NewString("api", "apis"),
		GrouplessAPIPrefixes: sets.NewString("api"),
	}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		method, target, _ := strings.Cut(in.Text(), " ")
		u, err := url.ParseRequestURI(target)
		if err != nil {
			fmt.Fprintln(out, "invalid")
			continue
		}
		info, err := factory.NewRequestInfo(&http.Request{Method: method, URL: u})
		if err != nil {
			fmt.Fprintln(out, "invalid")
			continue
		}
		dry := u.Query()["dryRun"]
		fmt.Fprintf(out, "%t|%s|%s|%s|%s|%s|%s|%s|%s\n", info.IsResourceRequest, info.Verb, info.APIGroup, info.APIVersion,
			info.Namespace, info.Resource, info.Subresource, info.Path, strings.Join(dry, ","))
	}
}

import java.util.stream.*;

public class App {
	record P(int x, String s) {}
	interface I { int f(int n); }
	public static void main(String[] a) {
		I i = n -> n * n;
		System.out.println(IntStream.range(0, 50).mapToObj(n -> new P(i.f(n), "s" + n))
			.filter(q -> q.x() % 3 == 0).map(P::toString).collect(Collectors.joining(",")));
	}
}

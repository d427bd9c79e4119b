import java.util.*;

public class Garbage {
	public static void main(String[] a) {
		LinkedList<byte[]> keep = new LinkedList<>();
		long made = 0, sum = 0;
		for (int i = 0; i < 6000; i++) {
			byte[] b = new byte[128 * 1024];
			b[i % b.length] = (byte) i;
			keep.add(b);
			made += b.length;
			if (keep.size() > 700) keep.removeFirst();
		}
		for (byte[] b : keep) for (int i = 0; i < b.length; i += 4096) sum += b[i];
		System.out.println(made + " " + sum + " " + (Runtime.getRuntime().maxMemory() <= 256L << 20));
		try {
			List<long[]> all = new ArrayList<>();
			for (;;) all.add(new long[1 << 20]);
		} catch (OutOfMemoryError e) {
			System.out.println("no more");
		}
	}
}

public class Exceptions {
	static int recurse(int n) { return recurse(n + 1) + 1; }
	public static void main(String[] a) {
		int[] numbers = new int[1];
		Object nothing = null;
		try { nothing.hashCode(); } catch (NullPointerException e) { System.out.println("null"); }
		try { recurse(0); } catch (StackOverflowError e) { System.out.println("deep"); }
		try { System.out.println(1 / (numbers.length - 1)); } catch (ArithmeticException e) { System.out.println("zero"); }
		numbers[1] = 2;
	}
}

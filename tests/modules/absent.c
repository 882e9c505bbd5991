/* No handler; and a library that is not found where needy.so is loaded. */
int absent(void);

int
absent(void)
{
	return 1;
}
